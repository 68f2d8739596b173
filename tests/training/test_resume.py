"""Killed at any moment and resumed, a run is the run that never stopped: bit for bit."""

import os
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from napari_diffseg.checkpoints.document import read_header
from napari_diffseg.training.control import ask
from napari_diffseg.training.events import EventReader, Started, Validated, curves
from napari_diffseg.training.status import read_status

LENGTH = {"train": {"steps": 10}, "validation": {"every": 4}}
TRIES = 5
KILLS, MOST_WORDS = 8, 10


@pytest.fixture(scope="module")
def straight(new_run, carried_out, tmp_path_factory):
    """A run that never stopped."""
    run = new_run(tmp_path_factory.mktemp("straight") / "run", **LENGTH)
    assert carried_out(run).state == "finished"
    return run


def scores_of(run):
    """Metrics by step, and which were the best."""
    events = curves(EventReader(run).new())
    return {event.step: (event.metrics, event.best) for event in events if isinstance(event, Validated)}


def assert_same(run, other, losses_of):
    names = sorted(path.relative_to(other) for path in other.rglob("*.safetensors"))
    assert [name.name for name in names].count("optimiser.safetensors") == 2
    assert names == sorted(path.relative_to(run) for path in run.rglob("*.safetensors"))
    for name in names:
        one, two = load_file(run / name), load_file(other / name)
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one), name
    assert losses_of(run) == losses_of(other)
    assert scores_of(run) == scores_of(other)
    assert not [path for path in run.rglob(".*") if path.is_file() or any(path.iterdir())]


MOMENTS = {
    "a case is being prepared": lambda run, losses: any((run / "cache").glob(".*-*")),
    "a step was told": lambda run, losses: 5 in losses(run),
    "a state is being written": lambda run, losses: any((run / "state").glob(".*-step-*")),
    "a preview is being written": lambda run, losses: any(run.glob(".*-preview")),
    "the last checkpoint is being written": lambda run, losses: any(run.glob(".*-last.safetensors")),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_killed_while_it_works_ends_as_one_that_never_stopped(
    moment, straight, new_run, start, until, carried_out, losses_of, tmp_path
):
    for number in range(TRIES):  # a moment may pass unseen
        run = new_run(tmp_path / str(number), **LENGTH)
        process = start(run)
        until(lambda: MOMENTS[moment](run, losses_of) or process.exitcode is not None, pause=0.0005)  # noqa: B023
        process.kill()
        process.join()
        if process.exitcode != 0:
            break
    assert read_status(run) is None or read_status(run).state == "lost"
    assert carried_out(run).state == "finished"
    assert_same(run, straight, losses_of)


def words(run):
    """How much the run has said."""
    path = run / "events.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_run_killed_again_and_again_ends_as_one_that_never_stopped(
    straight, new_run, start, until, carried_out, losses_of, tmp_path
):
    run = new_run(tmp_path / "run", **LENGTH)
    draw = np.random.default_rng(2026)
    for _ in range(KILLS):
        enough = words(run) + int(draw.integers(MOST_WORDS))
        process = start(run)
        until(lambda: words(run) >= enough or process.exitcode is not None, pause=0.001)  # noqa: B023
        process.join(float(draw.uniform(0, 0.1)))
        process.kill()
        process.join()
        assert process.exitcode != 0
    assert carried_out(run).state == "finished"
    assert len([event for event in EventReader(run).new() if isinstance(event, Started)]) > 2
    assert_same(run, straight, losses_of)


def by_signal(process, run):
    os.kill(process.pid, signal.SIGTERM)


def by_request(process, run):
    ask(run, "stop")


@pytest.mark.parametrize("stop", [by_signal, by_request])
def test_a_validation_that_a_stop_broke_off_is_made_up_for(
    stop, straight, new_run, start, until, carried_out, losses_of, tmp_path
):
    run = new_run(tmp_path / "run", **LENGTH)
    process = start(run)
    until(lambda: 4 in losses_of(run), pause=0.0005)
    stop(process, run)
    process.join()
    status = read_status(run)
    assert (status.state, status.step) == ("stopped", 4)
    assert carried_out(run).state == "finished"
    assert_same(run, straight, losses_of)


def test_a_finished_run_is_finished_at_once_when_resumed(straight, carried_out):
    before = {path: path.stat().st_mtime_ns for path in straight.rglob("*.safetensors")}
    assert carried_out(straight).state == "finished"
    assert {path: path.stat().st_mtime_ns for path in straight.rglob("*.safetensors")} == before
    assert list(scores_of(straight)) == [4, 8, 10]


def test_the_last_checkpoint_is_of_the_last_step(straight):
    assert '"steps":10' in read_header(straight / "last.safetensors")[1].replace(" ", "")


def test_validations_leave_the_losses_as_they_are(straight, new_run, carried_out, losses_of, tmp_path):
    often = new_run(tmp_path / "run", train={"steps": 10}, validation={"every": 1, "members": 1, "steps": 1})
    carried_out(often)
    assert losses_of(often) == losses_of(straight)


def test_dropout_is_drawn_again_as_it_was(new_run, start, until, carried_out, losses_of, tmp_path):
    guided = {
        "width": 16,
        "multipliers": (1, 2),
        "blocks": 1,
        "attention_at": (),
        "groups": 8,
        "dimensions": 2,
    }
    settings = {
        "name": "ensemdiff",
        "train": {"steps": 5, "checkpoint_every": 1},
        "validation": {"every": 100, "steps": 1, "members": 1},
    }
    runs = [
        new_run(tmp_path / name, config={"unet": guided | {"dropout": share}}, **settings)
        for name, share in (("straight", 0.3), ("broken", 0.3), ("without", 0.0))
    ]
    straight, broken, without = runs
    process = start(broken)
    until(lambda: 3 in losses_of(broken), pause=0.001)
    process.kill()
    process.join()
    assert all(carried_out(run).state == "finished" for run in runs)
    assert_same(broken, straight, losses_of)
    assert losses_of(without)[5] != losses_of(straight)[5]  # at first the layers after it are zero
