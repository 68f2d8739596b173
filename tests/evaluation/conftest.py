"""Results and reads of a few voxels, and the real cases."""

from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.datasets import lidc_png
from napari_diffseg.datasets.case import Case, LabelledScan
from napari_diffseg.io.nifti import read_labels, read_volume
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.results.result import ClassInfo, Provenance, Result
from napari_diffseg.volume import Box, Grid
from napari_diffseg.volume.label_map import LabelMap

DATA = Path(__file__).parents[1] / "data"
PROVENANCE = Provenance("head.nii.gz", "", "tiny", "", "imgx", "cpu", "fp32", 1, 2, 1, 0.5)


@pytest.fixture
def cases():
    """Two real hippocampi with one read each."""
    return [_case(name) for name in ("hippocampus_017", "hippocampus_148")]


@pytest.fixture
def crops():
    """Four real crops of lung nodules, with the masks of four readers each, some of them empty."""
    return lidc_png.read(DATA / "lidc" / "png").cases


@pytest.fixture
def result():
    """A result with these members; its consensus is the first one unless given."""
    return _result


@pytest.fixture
def read():
    """A rater's mask of these labels."""
    return lambda labels, spacing_mm=(1, 1, 1): LabelMap(_volume(labels), _grid(_volume(labels), spacing_mm))


def _case(name):
    def source():
        folder, file = DATA / "hippocampus", f"{name}.nii.gz"
        return LabelledScan(read_volume(folder / "images" / file), (read_labels(folder / "labels" / file),))

    return Case(name, name, source)


def _result(*members, consensus=None, classes=1, spacing_mm=(1, 1, 1), box=None, shape=None):
    drawn = np.array([_volume(member) for member in members], dtype=np.uint8)
    found = drawn[0] if consensus is None else _volume(consensus)
    return Result(
        box=box or Box.whole(found.shape),
        scan_grid=_grid(found if shape is None else np.zeros(shape), spacing_mm),
        origin=None,
        classes=tuple(ClassInfo(f"class {k}", "#ff9f1c") for k in range(classes)),
        mean=np.zeros((classes, *found.shape), dtype=np.float32),
        variance=None,
        consensus=found,
        members=drawn,
        options=SamplingOptions(members=len(members)),
        provenance=PROVENANCE,
    )


def _volume(labels):
    """(D, H, W) of a list, along W, or of an array of fewer axes."""
    array = np.asarray(labels, dtype=np.uint8)
    return array.reshape((1,) * (3 - array.ndim) + array.shape)


def _grid(array, spacing_mm):
    return Grid(array.shape, np.diag([*spacing_mm, 1]).astype(np.float64))
