"""What other processes may ask of a run, by files in control/ or by a signal."""

import os
import signal
import time

import pytest

from napari_diffseg.training.control import ask
from napari_diffseg.training.events import Answered, EventReader, Started
from napari_diffseg.training.state import load_state
from napari_diffseg.training.status import read_status

FOREVER = {
    "train": {"steps": 1_000_000, "batch": 1, "checkpoint_every": 1_000_000},
    "validation": {"every": 1_000_000},
}


@pytest.fixture(scope="module")
def story(new_run, start, until, losses_of, tmp_path_factory):
    """One run that is asked everything, and how it stood after each request."""
    run = new_run(tmp_path_factory.mktemp("asked") / "run", **FOREVER)
    told = {}

    def wait_for_steps(number):
        last = max(losses_of(run), default=0)
        until(lambda: max(losses_of(run), default=0) >= last + number)

    def note(name):
        told[name] = read_status(run), max(losses_of(run))

    process = start(run)
    wait_for_steps(3)
    ask(run, "pause")
    until(lambda: read_status(run).state == "paused")
    note("paused")
    (run / "control" / "rubbish.json").write_bytes(b"\xff{")
    (run / "control" / "other.json").write_text('{"request": "dance", "time": 1e12}')
    (run / "control" / "readme.txt").write_text("hello")
    (run / "control" / "folder.json").mkdir()
    beat = told["paused"][0].heartbeat
    until(lambda: read_status(run).heartbeat > beat + 2)
    note("still paused")
    ask(run, "resume")
    wait_for_steps(3)
    note("resumed")
    ask(run, "finish-epoch")
    process.join()
    note("epoch finished")

    ask(run, "stop")  # of nobody: the process has just ended
    asked = time.time()
    until(lambda: time.time() > asked + 2)  # a process's beginning is known to a second
    process = start(run)
    wait_for_steps(2)
    ask(run, "stop")
    process.join()
    note("stopped")

    process = start(run)
    wait_for_steps(2)
    os.kill(process.pid, signal.SIGTERM)
    process.join()
    told["exit"] = process.exitcode
    note("terminated")
    return run, told


def test_a_paused_run_says_so_and_takes_no_step(story):
    _, told = story
    (paused, step), (still, later) = told["paused"], told["still paused"]
    assert (paused.state, still.state) == ("paused", "paused")
    assert step == later == still.step


def test_a_resumed_run_goes_on(story):
    _, told = story
    assert told["resumed"][0].state == "running"
    assert told["resumed"][1] >= told["paused"][1] + 3


def test_finish_epoch_stops_when_every_case_was_used_equally_often(story):
    _, told = story
    status, step = told["epoch finished"]
    assert status.state == "stopped"
    assert status.step == step
    assert step % 2 == 0  # two cases, one a step


def test_a_stop_saves_the_state_that_the_next_process_goes_on_from(story):
    run, told = story
    ends = [told[name][0].step for name in ("epoch finished", "stopped", "terminated")]
    begins = [event.step for event in EventReader(run).new() if isinstance(event, Started)]
    assert begins == [0, *ends[:-1]]
    assert load_state(run)[0].step == ends[-1]


def test_a_termination_signal_stops_like_a_request(story):
    _, told = story
    assert told["exit"] == 0
    assert told["terminated"][0].state == "stopped"


def test_every_request_is_answered_once_and_removed(story):
    run, _ = story
    answers = [event.request for event in EventReader(run).new() if isinstance(event, Answered)]
    assert answers == ["pause", "resume", "finish-epoch", "stop"]
    assert [path.name for path in (run / "control").iterdir()] == ["folder.json"]


def test_a_run_stopped_while_it_prepares_has_nothing_to_save(new_run, start, tmp_path):
    run = new_run(tmp_path / "run", **FOREVER)
    process = start(run)
    ask(run, "stop")
    process.join()
    status = read_status(run)
    assert (status.state, status.step) == ("stopped", 0)
    assert load_state(run) == (None, [])
    assert not (run / "last.safetensors").exists()
