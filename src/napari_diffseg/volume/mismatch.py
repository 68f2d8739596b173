"""In which way two grids differ, in words."""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float64

from napari_diffseg.volume.grid import Grid
from napari_diffseg.volume.wording import times


def mismatch(first: Grid, second: Grid) -> str:
    """The first difference a person would look for: size, then voxel edges, then position.

    Returns:
        For example "24 × 50 × 35 against 25 × 50 × 35 voxels"; empty when `first.matches(second)`.
    """
    if first.matches(second):
        return ""
    if first.shape != second.shape:
        return f"{times(first.shape)} against {times(second.shape)} voxels"
    if not np.allclose(first.spacing_mm, second.spacing_mm, rtol=0, atol=1e-3):
        return f"voxels of {times(first.spacing_mm)} against {times(second.spacing_mm)} mm"
    apart_mm = np.linalg.norm(_corners_mm(first) - _corners_mm(second), axis=1).max()
    return f"their corners lie up to {apart_mm:.3g} mm apart"


def _corners_mm(grid: Grid) -> Float64[np.ndarray, "8 3"]:
    corners = np.array(list(itertools.product(*((0, n - 1) for n in grid.shape))), dtype=np.float64)
    return np.asarray(corners @ grid.affine[:3, :3].T + grid.affine[:3, 3], dtype=np.float64)
