"""Which layout a folder of cases has, and its cases."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol, runtime_checkable

from napari_diffseg.datasets import (
    amos,
    brats,
    cimd,
    ddti,
    lidc_hdf5,
    lidc_nodules,
    lidc_pickle,
    lidc_png,
    nnunet,
    pairs,
    prostate,
    rater_project,
    refuge2,
)
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.errors import DatasetError


@runtime_checkable
class Layout(Protocol):
    """A way of laying out cases; a module of this package.

    Attributes:
        TITLE: as a person knows it.
        EXPECTS: what the folder must look like, in a line.
    """

    TITLE: str
    EXPECTS: str

    def recognises(self, path: Path) -> bool:
        """Whether the folder looks like it; cheap."""

    def read(self, path: Path) -> Dataset:
        """The folder's cases, without their voxels.

        Raises:
            DatasetError: the folder is not as it should be, or holds no case.
        """


LAYOUTS: tuple[Layout, ...] = (
    rater_project,
    lidc_hdf5,
    lidc_pickle,
    lidc_png,
    lidc_nodules,
    cimd,
    refuge2,
    ddti,
    brats,
    amos,
    nnunet,
    prostate,
    pairs,
)
"""The most specific first: AMOS has a dataset.json too."""


def is_dataset(path: Path) -> bool:
    """Whether a folder or file is of a layout known here; cheap."""
    return any(layout.recognises(path) for layout in LAYOUTS)


def open_dataset(path: Path) -> Dataset:
    """The data set in a folder or file, of whichever layout.

    Raises:
        DatasetError: there is nothing there, no layout fits, or the one that fits is not as it should be.
    """
    path = Path(os.path.abspath(path))  # so that "." has a name
    if not path.exists():
        raise DatasetError(f"There is no folder {path}. Check its name.")
    try:
        for layout in LAYOUTS:
            if layout.recognises(path):
                return layout.read(path)
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read ({error.strerror or error}). Ask its owner for the right to read it."
        ) from error
    known = "\n".join(f"  {layout.TITLE}: {layout.EXPECTS}" for layout in LAYOUTS)
    raise DatasetError(f"{path} is of no layout known here. Choose one of these:\n{known}")
