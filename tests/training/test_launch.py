"""A run's process: what is refused before there is one, where its words go, and what a check leaves."""

import subprocess
import sys

import pytest

import napari_diffseg as nd
from napari_diffseg.training.folder import LOG, RUN
from napari_diffseg.training.forecast import read_forecast
from napari_diffseg.training.launch import launch
from napari_diffseg.training.status import Status, write_status
from napari_diffseg.training.without_diffusion import WITHOUT_DIFFUSION


@pytest.mark.parametrize("going_on", ["", WITHOUT_DIFFUSION])
def test_a_run_that_goes_on_or_whose_control_does_is_not_started_twice(new_run, tmp_path, going_on):
    run = new_run(tmp_path / "run")
    write_status(run, Status(state="finished", step=6, steps=6))
    (run / going_on).mkdir(exist_ok=True)
    write_status(run / going_on, Status(state="running", step=3, steps=6))
    with pytest.raises(nd.TrainingError, match="is going on already"):
        launch(run)
    assert not (run / LOG).exists()


def test_a_folder_that_cannot_be_written_to_is_a_sentence(new_run, tmp_path):
    run = new_run(tmp_path / "run")
    (run / LOG).mkdir()
    with pytest.raises(nd.TrainingError, match="cannot be written to: Is a directory"):
        launch(run)


def test_what_a_process_says_goes_to_the_log_and_nothing_is_printed(new_run, tmp_path):
    run = new_run(tmp_path / "run")
    (run / RUN).write_text("steps = ", encoding="utf-8")
    command = [sys.executable, "-m", "napari_diffseg.training", run]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "run.toml is not TOML" in done.stderr


def test_a_check_leaves_a_forecast_and_nothing_that_a_run_leaves(new_run, tmp_path):
    run = new_run(tmp_path / "run")
    assert launch(run, check=True).wait(120) == 0
    found = read_forecast(run)
    assert found.device == "cpu"
    assert found.seconds_a_step > 0
    assert found.memory_bytes > found.parameters > 1000
    assert {path.name for path in run.iterdir()} == {RUN, LOG, "forecast.json", "status.json"}


def test_a_check_that_fails_says_why(new_run, tmp_path):
    run = new_run(tmp_path / "run", data={"path": tmp_path / "gone"})
    assert launch(run, check=True).wait(120) == 1
    with pytest.raises(nd.TrainingError, match="gone"):
        read_forecast(run)


def test_a_check_that_was_killed_says_that_it_told_nothing(tmp_path):
    with pytest.raises(nd.TrainingError, match="without a word"):
        read_forecast(tmp_path)


def test_a_folder_without_a_run_is_not_started(tmp_path):
    with pytest.raises(nd.TrainingError, match=r"holds no run: there is no run\.toml"):
        launch(tmp_path)
