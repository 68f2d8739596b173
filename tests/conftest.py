"""Settings of a test run: nothing of the person's own is read or written."""

import os
import tempfile
from pathlib import Path

import pytest

_settings = tempfile.TemporaryDirectory(prefix="napari-diffseg-tests-")  # removed when Python exits

# Before napari is imported: it writes its settings file at every change, and to the real one otherwise.
os.environ.setdefault("NAPARI_CONFIG", str(Path(_settings.name) / "settings.yaml"))
# Where platformdirs finds our speeds, log and checkpoints on Linux; commands in other processes inherit it.
for _kind in ("CACHE", "DATA", "STATE"):
    os.environ[f"XDG_{_kind}_HOME"] = str(Path(_settings.name) / _kind.lower())
# As in parity/table.py: the same numbers on every processor.
os.environ.setdefault("MKL_CBWR", "COMPATIBLE")
# Test processes side by side share the cores; torch would take all in each.
if _workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // _workers))


def pytest_collection_modifyitems(items):
    """Side by side a file's tests stay together, and all that open windows: one alone has the keyboard."""
    widgets = Path(__file__).parent / "widgets"
    for item in items:
        opens_windows = "qtbot" in item.fixturenames or widgets in item.path.parents
        item.add_marker(pytest.mark.xdist_group("windows" if opens_windows else str(item.path)))


@pytest.fixture(scope="session")
def tiny_checkpoint_path(tmp_path_factory):
    """An untrained ImgX checkpoint of two classes, a few kilobytes: quick, and random in what it finds."""
    return saved_tiny(tmp_path_factory.mktemp("checkpoints"), "tiny", dimensions=3)


@pytest.fixture(scope="session")
def slice_checkpoint_path(tmp_path_factory):
    """The same for slices, axial ones."""
    return saved_tiny(tmp_path_factory.mktemp("checkpoints"), "tiny-slices", dimensions=2)


def saved_tiny(folder, name, *, dimensions):
    import torch

    from napari_diffseg.checkpoints.checkpoint import save_checkpoint
    from napari_diffseg.checkpoints.document import Channel, Document, Range, TrainingFacts
    from napari_diffseg.methods import imgx
    from napari_diffseg.preparation.preparation import Preparation
    from napari_diffseg.results.result import ClassInfo

    config = imgx.Config(unet={"widths": (4, 8), "dimensions": dimensions})
    torch.manual_seed(0)
    network = imgx.build(config, channels=1, classes=3)
    document = Document(
        name=name,
        title="Tiny test model",
        method="imgx",
        config=config.model_dump(mode="json"),
        classes=(ClassInfo("anterior", "#e4572e"), ClassInfo("posterior", "#2e86ab")),
        channels=(Channel(name="t1", modality="MR"),),
        preparation=Preparation(spacing_mm=(1.0, 1.0, 1.0), multiple=2),
        training=TrainingFacts(
            data="nothing", licence="none", cases=0, split="none", steps=0, seed=0, versions={},
            spacing_mm=Range(low=(1.0, 1.0, 1.0), high=(1.0, 1.0, 1.0)),
            extent_mm=Range(low=(20.0, 30.0, 25.0), high=(50.0, 60.0, 50.0)),
        ),
    )  # fmt: skip
    path = folder / f"{name}.safetensors"
    save_checkpoint(path, document, network.state_dict())
    return path


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_checkpoint_path):
    """The same, loaded."""
    from napari_diffseg.checkpoints.checkpoint import load_checkpoint

    return load_checkpoint(tiny_checkpoint_path)


@pytest.fixture(scope="session")
def slice_checkpoint(slice_checkpoint_path):
    """The one for slices, loaded."""
    from napari_diffseg.checkpoints.checkpoint import load_checkpoint

    return load_checkpoint(slice_checkpoint_path)


@pytest.fixture(scope="session")
def head():
    """The sample scan: a whole skull-stripped head at 1 mm."""
    from napari_diffseg.io.nifti import read_volume
    from napari_diffseg.io.sample import sample_path

    return read_volume(sample_path())


@pytest.fixture(scope="session")
def crop_path():
    """A real head MR crop around one hippocampus, 34 × 48 × 32 voxels of 1 mm."""
    return Path(__file__).parent / "data" / "hippocampus" / "images" / "hippocampus_148.nii.gz"


@pytest.fixture(scope="session")
def result_of():
    """Makes the result of a model that drew these members, hard (n, D, H, W), on a scan or a label map."""
    import numpy as np

    from napari_diffseg.results.options import SamplingOptions
    from napari_diffseg.results.result import ClassInfo, Provenance, Result
    from napari_diffseg.volume import Box

    def made(members, on, *, name="nodule", box=None):
        box = box or Box.whole(on.grid.shape)
        members = np.ascontiguousarray(members[(slice(None), *box.slices)]).astype(np.uint8)
        mean = members.mean(axis=0, dtype=np.float32)[None]
        return Result(
            box=box,
            scan_grid=on.grid,
            origin=on.origin,
            classes=(ClassInfo(name, "#e4572e"),),
            mean=mean,
            variance=mean * (1 - mean),
            consensus=(mean[0] >= 0.5).astype(np.uint8),
            members=members,
            options=SamplingOptions(members=len(members), keep_members=True),
            provenance=Provenance(
                on.origin.name, on.origin.sha256, "model", "cd" * 32, "imgx", "cpu", "fp32", 1, 1, 1, 1.0
            ),
        )

    return made


@pytest.fixture(scope="session")
def write_preview():
    """Preview folders of a run as a validation writes them, of real cases; gives what is read back."""
    import json
    from dataclasses import asdict

    import numpy as np

    from napari_diffseg.io.atomic import replacing_folder
    from napari_diffseg.io.nifti import read_labels, read_volume, write_volume
    from napari_diffseg.layers import read_preview
    from napari_diffseg.results.result import ClassInfo

    classes = (ClassInfo("anterior", "#e4572e"), ClassInfo("posterior", "#2e86ab"))
    data = Path(__file__).parent / "data" / "hippocampus"

    def write(run, step, *, case="hippocampus_148", variance=True, certainty=0.5):
        scan = read_volume(data / "images" / f"{case}.nii.gz")
        truth = read_labels(data / "labels" / f"{case}.nii.gz").data
        mean = np.stack([certainty * (truth == label) for label in (1, 2)]).astype(np.float32)
        maps = {"image": scan.data[0], "truth": truth, "mean": mean}
        maps |= {"variance": mean / 4} if variance else {}
        told = {"case": case, "step": step, "classes": [asdict(info) for info in classes], "time": step}
        run.mkdir(exist_ok=True)
        with replacing_folder(run / "preview", overwrite=True) as partial:
            for name, values in maps.items():
                write_volume(partial / f"{name}.nii.gz", values, scan.origin, scan.grid)
            (partial / "preview.json").write_text(json.dumps(told), encoding="utf-8")
        return read_preview(run)

    return write


@pytest.fixture
def new_project(tmp_path):
    """A rater project of real scans, nothing read; `**settings` as of `create_project`."""
    from napari_diffseg.raters.cases import add_case
    from napari_diffseg.raters.lidc_form import LIDC_FORM
    from napari_diffseg.raters.project import create_project
    from napari_diffseg.results.result import ClassInfo

    images = Path(__file__).parent / "data" / "hippocampus" / "images"

    def make(*, cases, raters, labels=("nodule",), form=LIDC_FORM, copy=True, **settings):
        classes = tuple(ClassInfo(name, "#e4572e") for name in labels)
        root = tmp_path / "project"
        project = create_project(root, title="Study", labels=classes, raters=raters, form=form, **settings)
        for case in cases:
            project = add_case(project, case, images / f"{case}.nii.gz", copy=copy)
        return project

    return make
