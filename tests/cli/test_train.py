"""`napari-diffseg train`: a real run of a tiny network, in a process of its own."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import napari_diffseg as nd
from napari_diffseg.training.folder import read_summary
from napari_diffseg.training.status import read_status
from napari_diffseg.training.without_diffusion import WITHOUT_DIFFUSION

DATA = Path(__file__).parents[1] / "data" / "hippocampus"
LIDC = DATA.parent / "lidc" / "hdf5" / "data_lidc.hdf5"
TINY = (
    "--set", "config.unet.widths=[4, 8]", "--set", "train.steps=4", "--set", "train.batch=1",
    "--set", "train.crop=[16, 16, 16]", "--set", "train.checkpoint_every=2", "--set", "data.validation=0.5",
    "--set", "validation.every=4", "--set", "validation.members=1", "--set", "validation.steps=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run, and what was printed."""
    folder = tmp_path_factory.mktemp("runs")
    command = [sys.executable, "-m", "napari_diffseg.cli", "train", DATA, "--method", "imgx", *TINY, "--out"]
    done = subprocess.run([*command, folder / "tiny", "--json"], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return folder / "tiny", done


def test_a_run_ends_with_a_checkpoint_that_segments(finished):
    run, _ = finished
    checkpoint = nd.load_checkpoint(run / "best.safetensors")
    scan = nd.read_volume(DATA / "images" / "hippocampus_017.nii.gz")
    result = nd.segment(scan, checkpoint, members=1, steps=1).result()
    assert result.consensus.shape == scan.grid.shape
    assert checkpoint.document.training.steps == 4


def test_json_tells_the_state_the_best_step_and_the_checkpoint(finished):
    run, done = finished
    told = json.loads(done.stdout)
    assert (told["state"], told["step"], told["best"]["step"]) == ("finished", 4, 4)
    assert Path(told["checkpoint"]) == run / "best.safetensors"


def test_a_pipe_gets_lines_and_no_bar(finished):
    _, done = finished
    assert "step 4: dice" in done.stderr
    assert "\x1b" not in done.stderr


def test_settings_reach_run_toml(finished):
    run, _ = finished
    config = read_summary(run).config
    assert config.train.crop == (16, 16, 16)
    assert config.config["unet"]["widths"] == [4, 8]
    assert config.name == "tiny"


def test_a_finished_run_resumed_is_finished_at_once_and_tells_its_best_over_all_classes(finished, command):
    run, _ = finished
    done = command("train", "--resume", run)
    assert done.code == 0, done.err
    (line,) = [line for line in done.out.splitlines() if "Best at step 4" in line]
    assert ": dice 0." in line
    assert "class 1" not in line


def test_a_comparison_that_cannot_be_made_ends_with_an_error(command, tmp_path):
    done = command("train", DATA, *TINY, "--with-control", "--out", tmp_path / "run")
    assert done.code == 1
    assert "a comparison needs at least 2" in done.err
    assert f"napari-diffseg train --resume {tmp_path / 'run'}" in done.err
    assert "Best at step 4" in done.out
    assert read_summary(tmp_path / "run").status.state == "finished"


def test_interrupting_the_control_counts_as_stopped_until_the_comparison_is_there(command, tmp_path):
    run = tmp_path / "run"
    longer = (
        "train.crop=[1, 64, 64]",
        "train.steps=200",
        "train.checkpoint_every=200",
        "validation.every=200",
    )
    options = (*TINY, *(word for setting in longer for word in ("--set", setting)), "--with-control")
    process = subprocess.Popen(
        [sys.executable, "-m", "napari_diffseg.cli", "train", LIDC, *options, "--out", run],
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: (run / WITHOUT_DIFFUSION).is_dir())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert f"--resume {run}" in err
    assert read_status(run).state == "finished"
    assert read_status(run / WITHOUT_DIFFUSION).state == "stopped"
    done = command("train", "--resume", run)
    assert done.code == 0, done.err
    assert "without diffusion, step 200: " in done.err
    assert "95 % interval" in done.out


def test_interrupted_it_saves_and_says_how_to_go_on(tmp_path):
    command = [
        sys.executable,
        "-m",
        "napari_diffseg.cli",
        "train",
        DATA,
        *TINY,
        "--set",
        "train.steps=100000",
    ]
    process = subprocess.Popen([*command, "--out", tmp_path / "long"], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: (tmp_path / "long" / "state").is_dir())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"--resume {tmp_path / 'long'}" in err
    status = read_summary(tmp_path / "long").status
    assert status.state == "stopped"
    assert any((tmp_path / "long" / "state").glob(f"step-{status.step:06d}"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--set", "train.steps"), "write it as train.steps=2000"),
        (("--set", "train.step=3"), "train.step”"),
        (("--set", "train.steps=0"), "train.steps”"),
        (("--preset", "huge"), "no preset “huge”"),
        (("--method", "nothing"), "“nothing” is not known"),
    ],
)
def test_a_wrong_setting_is_named_and_leaves_no_folder(command, tmp_path, arguments, expected):
    done = command("train", DATA, "--out", tmp_path / "run", *arguments)
    assert done.code == 1
    assert expected in done.err
    assert not (tmp_path / "run").exists()


def test_without_data_the_usage_says_what_is_missing(command):
    done = command("train")
    assert done.code == 2
    assert "DATA" in done.err


def test_resume_stands_alone(command, finished):
    done = command("train", DATA, "--resume", finished[0])
    assert done.code == 2
    assert "run.toml" in done.err


def test_a_folder_with_a_run_is_not_written_over(command, finished):
    done = command("train", DATA, "--out", finished[0], *TINY)
    assert done.code == 1
    assert "already holds a run" in done.err


def test_a_folder_without_a_run_cannot_be_resumed(command, tmp_path):
    done = command("train", "--resume", tmp_path)
    assert done.code == 1
    assert "holds no run" in done.err


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
