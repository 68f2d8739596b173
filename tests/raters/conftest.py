"""A project of two raters and two real cases, in a folder of its own."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.io.nifti import read_labels
from napari_diffseg.raters.opening import open_read

HIPPOCAMPUS = Path(__file__).parents[1] / "data" / "hippocampus"
CASES = ("hippocampus_148", "hippocampus_017")


@pytest.fixture
def new_project(new_project):
    return partial(new_project, cases=CASES[:1], raters=("Anna", "Bob"))


@pytest.fixture
def project(new_project):
    return new_project()


@pytest.fixture(scope="session")
def drawn():
    """A real mask on the first case: one hippocampus as lesion 2 (anterior) and 3 (posterior)."""
    labels = read_labels(HIPPOCAMPUS / "labels" / "hippocampus_148.nii.gz").data.astype(np.uint8)
    return np.ascontiguousarray(np.where(labels, labels + 1, 0).astype(np.uint8))


@pytest.fixture(scope="session")
def finished_by():
    """Draws a mask as a rater's whole session and finishes it."""

    def finish(project, rater, mask, case=CASES[0], **options):
        with open_read(project, case, rater, **options) as read:
            data = read.mask()
            data[:] = mask
            return read.finish(data)

    return finish
