"""What every command does when something goes wrong."""

import logging
import os
import warnings
from pathlib import Path

import pytest

from napari_diffseg.cli import models
from napari_diffseg.cli.output import Output, plain


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "napari-diffseg" / "log" / "command-line.log"


def broken() -> list[object]:
    warnings.warn("a library's own words", stacklevel=1)
    logging.getLogger("napari_diffseg.inference").error("the engine's own words")
    raise ZeroDivisionError("division by zero")


@pytest.mark.filterwarnings("default")
def test_a_bug_is_a_sentence_for_the_person_and_a_traceback_in_the_log(command, log, monkeypatch):
    monkeypatch.setattr(models, "catalogue", broken)
    done = command("models", "list")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"This should not have happened (ZeroDivisionError): please report it; the details are in {log}.\n"
    )
    written = log.read_text()
    assert "Traceback" in written
    assert "in broken" in written
    assert "a library's own words" in written
    assert "the engine's own words" in written


def test_a_log_that_cannot_be_written_stops_nothing(command, log, monkeypatch):
    log.parent.parent.write_text("a file where the folder should be")
    assert command("models", "list").code == 0
    monkeypatch.setattr(models, "catalogue", lambda: 1 / 0)
    assert "no log could be written" in command("models", "list").err


def test_a_command_that_ends_leaves_logging_as_it_was(command):
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers()]
    command("models", "list")
    assert [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers()] == before


def loggers():
    return logging.getLogger("napari_diffseg"), logging.getLogger("py.warnings")


def test_unknown_commands_are_exit_code_2_and_the_version_is_told(command):
    assert command("segmnet").code == 2
    assert command("--version").out == "napari-diffseg 0.1.0\n"


def test_a_strangers_text_cannot_steer_the_terminal(capsys):
    Output().line("title\x1b]0;owned\x07 [red]and\x9b2J markup[/red]\u202e")
    assert capsys.readouterr().out == "title ]0;owned  [red]and 2J markup[/red] \n"
    assert plain("5 ± 1 ml, “µ” × 日本\n") == "5 ± 1 ml, “µ” × 日本\n"


def test_tests_write_nothing_to_the_persons_own_folders():
    assert not Path(os.environ["XDG_CACHE_HOME"]).is_relative_to(Path.home() / ".cache")
