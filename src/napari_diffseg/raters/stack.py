"""Several reads of one case as one array, and the box that their agreement is counted in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from napari_diffseg.errors import GridMismatchError, SettingsError
from napari_diffseg.raters.planes import Planes, planes_of
from napari_diffseg.volume.grid import Box
from napari_diffseg.volume.label_map import LabelMap
from napari_diffseg.volume.mismatch import mismatch

MARGIN_MM = 10.0
MOST_READS = 255


def require_one_grid(reads: Sequence[LabelMap]) -> None:
    """Refuse reads that cannot be compared.

    Raises:
        SettingsError: there is none, or more than 255.
        GridMismatchError: one does not lie on the first one's grid.
    """
    if not 1 <= len(reads) <= MOST_READS:
        raise SettingsError(
            f"{len(reads)} reads of a case cannot be taken together; 1 to {MOST_READS} are possible. "
            "Choose others."
        )
    for number, read in enumerate(reads[1:], start=2):
        difference = mismatch(read.grid, reads[0].grid)
        if difference:
            raise GridMismatchError(
                f"Read {number} of a case does not lie on the grid of the first: {difference}. "
                "Resample one onto the other."
            )


def stacked(reads: Sequence[LabelMap], index: Any, classes: int) -> UInt8[np.ndarray, "read d h w"]:
    """A part of each read's labels, such as a box's; labels above the classes count as background."""
    parts = (read.data[index] for read in reads)
    return np.stack([np.where(part <= classes, part, 0).astype(np.uint8) for part in parts])


def marked_planes(reads: Sequence[LabelMap]) -> Planes:
    """The planes that some read marks."""
    return planes_of([read.data for read in reads])


def stated_box(reads: Sequence[LabelMap], *, margin_mm: float = MARGIN_MM) -> Box:
    """The box that agreement of voxels is counted in, as it depends on how much background is counted.

    Args:
        reads: of one case, on one grid.
        margin_mm: on every side; whole voxels, rounded up.

    Returns:
        The union of all reads' boxes with the margin, clipped to the scan; the whole scan where nobody
        marked anything.

    Raises:
        SettingsError: the margin is negative or no number.
    """
    if not 0 <= margin_mm < math.inf:
        raise SettingsError(f"The margin is {margin_mm:g} mm; it must be 0 mm or more. Choose such a one.")
    grid, marked = reads[0].grid, marked_planes(reads).box
    if marked is None:
        return Box.whole(grid.shape)
    # no margin is larger than the scan; 1 mm at 0.1 mm a voxel is 10 voxels, whatever floats say
    margin = (
        min(math.ceil(margin_mm / edge_mm - 1e-9), n)
        for edge_mm, n in zip(grid.spacing_mm, grid.shape, strict=True)
    )
    return marked.widened(margin).clipped(grid.shape)


def rule_of(margin_mm: float) -> str:
    """How `stated_box` chooses, in words."""
    return (
        f"the union of all reads' boxes and {margin_mm:g} mm on every side, clipped to the scan; "
        "the whole scan where nobody marked anything"
    )
