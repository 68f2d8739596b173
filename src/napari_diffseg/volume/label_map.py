"""A mask that somebody drew or a program found: one whole number a voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt

from napari_diffseg.volume.grid import Grid
from napari_diffseg.volume.scan import Origin


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """Labels in display order: axes (inferior, posterior, left).

    Args:
        data: 0 for background, 1 and up for the classes.
        grid: where the voxels lie.
        origin: the file it came from; None for a map made in memory.
    """

    data: UInt[np.ndarray, "D H W"]
    grid: Grid
    origin: Origin | None = None
