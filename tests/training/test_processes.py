"""Several processes, and a batch in parts: the same run as one process with the whole batch."""

import os
import subprocess
import sys

import pytest

from napari_diffseg.training.events import EventReader, Validated, curves
from napari_diffseg.training.status import read_status

BATCH = {"train": {"batch": 4}}
SLICES = {"unet": {"dimensions": 2, "widths": (4, 8)}}
CLOSE = 1e-5
"""Relative difference of losses: sums of 32-bit numbers in another order, six steps long."""

TWO_HERE = ("--standalone", "--nproc-per-node", "2")
IN_EACH_PROCESS = """
import sys
from pathlib import Path
from napari_diffseg.training.run import train
for run in sys.argv[1:]:
    train(Path(run))
"""


@pytest.fixture(scope="module")
def one_process(new_run, carried_out, tmp_path_factory):
    run = new_run(tmp_path_factory.mktemp("one") / "run", **BATCH)
    assert carried_out(run).state == "finished"
    return run


@pytest.fixture(scope="module")
def two_processes(new_run, four_cases, tmp_path_factory):
    """Runs that two processes carried out one after the other."""
    folder = tmp_path_factory.mktemp("two")
    runs = {
        "whole": new_run(folder / "whole", **BATCH),
        "in parts": new_run(folder / "parts", train={"batch": 4, "accumulate": 2}),
        "slices in parts": new_run(folder / "slices", config=SLICES, train={"batch": 4, "accumulate": 2}),
        "patches": new_run(
            folder / "patches",
            name="patchddm",
            config={
                "unet": {"width": 16, "multipliers": (1, 2), "blocks": 1, "attention_at": (), "groups": 8}
                | {"middle_attention": False, "skips": "averaged"},
                "patch": 8,
            },
            **BATCH,
        ),
        "odd": new_run(folder / "odd", train={"batch": 3}),
        "nowhere": new_run(folder / "nowhere", data={"path": folder / "none"}, **BATCH),
        "again": new_run(folder / "again", **BATCH),
    }
    script = folder / "in_each_process.py"
    script.write_text(IN_EACH_PROCESS)
    ended = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *TWO_HERE, script, *runs.values()],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert ended.returncode == 0, ended.stderr
    return runs


def assert_follows(run, other, losses_of):
    one, two = losses_of(run), losses_of(other)
    assert list(one) == list(range(1, 7))
    assert two == pytest.approx(one, rel=CLOSE)


@pytest.mark.parametrize("name", ["whole", "in parts"])
def test_two_processes_follow_one_with_the_same_batch(one_process, two_processes, losses_of, name):
    assert read_status(two_processes[name]).state == "finished"
    assert_follows(one_process, two_processes[name], losses_of)


def test_slices_that_show_few_classes_weigh_in_parts_as_in_the_whole(
    new_run, carried_out, two_processes, losses_of, tmp_path
):
    run = new_run(tmp_path / "run", config=SLICES, **BATCH)
    assert carried_out(run).state == "finished"
    assert_follows(run, two_processes["slices in parts"], losses_of)


def test_two_processes_train_patches_as_one_does(new_run, carried_out, two_processes, losses_of, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.toml").write_text((two_processes["patches"] / "run.toml").read_text())
    assert carried_out(run).state == "finished"
    assert_follows(run, two_processes["patches"], losses_of)


def test_a_batch_in_two_parts_gives_the_losses_of_the_whole(
    new_run, carried_out, one_process, losses_of, tmp_path
):
    run = new_run(tmp_path / "run", train={"batch": 4, "accumulate": 2})
    assert carried_out(run).state == "finished"
    assert_follows(one_process, run, losses_of)


def test_one_process_alone_writes_events_and_validates(two_processes):
    events = curves(EventReader(two_processes["whole"]).new())
    assert [event.step for event in events if isinstance(event, Validated)] == [3, 6]


def test_a_batch_that_the_processes_cannot_share_is_refused(two_processes):
    status = read_status(two_processes["odd"])
    assert status.state == "failed"
    assert status.sentence == (
        "A batch of 3 cannot be shared by 2 processes. Set train.batch to a multiple of their number."
    )


def test_no_process_waits_for_one_that_failed(two_processes):
    assert "There is no folder" in read_status(two_processes["nowhere"]).sentence
    assert read_status(two_processes["again"]).state == "finished"
