"""Runs of seconds: real crops at 2 mm, a few thousand parameters, processes that start at once."""

import multiprocessing
import os
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_diffseg.methods.registry import method
from napari_diffseg.training.config import valid_run
from napari_diffseg.training.events import EventReader, Stepped, curves
from napari_diffseg.training.folder import make_run
from napari_diffseg.training.run import train
from napari_diffseg.training.status import read_status

DATA = Path(__file__).parents[1] / "data" / "hippocampus"

SETTINGS = {
    "name": "tiny",
    "method": "imgx",
    "data": {"validation": 0.5},
    "preparation": {"spacing_mm": (2.0, 2.0, 2.0)},
    "augmentation": {
        "rotation": (0.1, 0.1, 0.1),
        "flip": (False, False, True),
        "contrast": 0.1,
        "noise": 0.5,
    },
    "train": {
        "steps": 6,
        "batch": 2,
        "learning_rate": 0.01,
        "warmup_steps": 2,
        "ema": 0.9,
        "precision": "fp32",
        "device": "cpu",
        "deterministic": True,
        "checkpoint_every": 2,
    },
    "validation": {"every": 3, "cases": 1, "members": 2, "steps": 2},
}
TINY_CONFIG = {"unet": {"widths": (4, 8)}}
PATIENCE_S = 120


@pytest.fixture(scope="session")
def four_cases(tmp_path_factory):
    """The two real crops whole, and a part of each: four cases of four sizes."""
    root = tmp_path_factory.mktemp("four")
    for kind in ("images", "labels"):
        (root / kind).mkdir()
        for path in sorted((DATA / kind).iterdir()):
            volume = nibabel.load(path)
            data = np.asanyarray(volume.dataobj)
            name = path.name.removesuffix(".nii.gz")
            for suffix, part in (("", data), ("_part", data[4:, 4:-4, 4:])):
                image = nibabel.Nifti1Image(part, volume.affine, dtype=part.dtype)
                nibabel.save(image, root / kind / f"{name}{suffix}.nii.gz")
    return root


@pytest.fixture(scope="session")
def new_run(four_cases):
    """Makes the folder of a tiny run; sections say what differs."""

    def make(folder, *, data=None, name=None, config=None, **sections):
        settings = SETTINGS | {"method": name or "imgx"}
        for section, changes in sections.items():
            settings = settings | {section: settings[section] | changes}
        settings["data"] = {"path": four_cases} | settings["data"] | (data or {})
        full = method(settings["method"]).load().Config.model_validate(config or TINY_CONFIG)
        make_run(folder, valid_run(settings | {"config": full.model_dump(mode="json")}, "the test"))
        return folder

    return make


@pytest.fixture
def trained(new_run, tmp_path):
    """Makes a tiny run and carries it out in this process."""

    def make(**sections):
        run = new_run(tmp_path / "run", **sections)
        return run, train(run)

    return make


@pytest.fixture(scope="session")
def start():
    """Starts a run's process: forked from a server that has imported everything, so in no time."""
    ways = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in ways else "spawn")
    context.set_forkserver_preload(["napari_diffseg.training.run", "torch._dynamo"])
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    started = []

    def begin(run):
        process = context.Process(target=train, args=(run,))
        process.start()
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.join()
    if before is None:
        del os.environ["OMP_NUM_THREADS"]
    else:
        os.environ["OMP_NUM_THREADS"] = before


@pytest.fixture(scope="session")
def until():
    """Waits for something without sleeping longer than it takes."""

    def wait(condition, *, pause=0.01):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(pause)

    return wait


@pytest.fixture(scope="session")
def carried_out(start, until):
    """Carries a run out in its own process, to its end."""

    def carry(run):
        process = start(run)
        process.join(PATIENCE_S)
        assert process.exitcode == 0
        return read_status(run)

    return carry


@pytest.fixture(scope="session")
def losses_of():
    """Losses of a run by step, without steps that were done again."""

    def losses(run):
        events = curves(EventReader(run).new())
        return {event.step: event.loss for event in events if isinstance(event, Stepped)}

    return losses
