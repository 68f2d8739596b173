"""Distances between the surfaces of two masks.

The surface of a mask are its voxels with a face towards a voxel outside it; beyond the array is
outside. Every surface voxel weighs the same. Where a mask is empty there is no distance: the
functions return NaN, and the caller counts and shows how often (a missed organ shows in Dice).

Source:
    Maier-Hein et al., Metrics Reloaded, Nature Methods 2024; edges as in ImgX-DiffSeg.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.spatial import KDTree

from napari_diffseg.metrics.masks import require_one_shape


def hd95_mm(
    predicted: Bool[np.ndarray, "*space"],
    reference: Bool[np.ndarray, ...],
    spacing_mm: Sequence[float],
) -> float:
    """95 % Hausdorff distance: the larger of the two directed 95th percentiles.

    Args:
        predicted: (D, H, W), or (H, W) for one slice.
        reference: of the same shape.
        spacing_mm: voxel edge along each axis of the masks.

    Returns:
        Millimetres, ≥ 0, smaller is better. NaN when either mask is empty.

    Raises:
        GridMismatchError: the masks differ in shape.

    Source:
        Maier-Hein et al., HD95; percentiles interpolated linearly.
    """
    require_one_shape(predicted, reference)
    edges_mm = np.asarray(spacing_mm, dtype=np.float64)
    return hd95_of_surfaces_mm(surface_voxels(predicted) * edges_mm, surface_voxels(reference) * edges_mm)


def hd95_of_surfaces_mm(
    predicted_mm: Float64[np.ndarray, "predicted axis"], reference_mm: Float64[np.ndarray, "reference axis"]
) -> float:
    """`hd95_mm` of masks whose surfaces are known, for many pairs of a few masks.

    Args:
        predicted_mm: places of the one mask's surface voxels.
        reference_mm: of the other's.

    Returns:
        As `hd95_mm`.
    """
    distances = _distances(predicted_mm, reference_mm)
    if distances is None:
        return math.nan
    return float(max(np.percentile(distances.to_reference, 95), np.percentile(distances.to_predicted, 95)))


def normalised_surface_distance(
    predicted: Bool[np.ndarray, "*space"],
    reference: Bool[np.ndarray, ...],
    spacing_mm: Sequence[float],
    *,
    tolerance_mm: float = 1.0,
) -> float:
    """Share of both surfaces that lies within a tolerance of the other ("surface Dice").

    Args:
        predicted: (D, H, W), or (H, W) for one slice.
        reference: of the same shape.
        spacing_mm: voxel edge along each axis of the masks.
        tolerance_mm: distance that does not count as an error.

    Returns:
        0 to 1, larger is better. NaN when either mask is empty.

    Raises:
        GridMismatchError: the masks differ in shape.

    Source:
        Nikolov et al., JMIR 2021, with surface voxels in place of surface area.
    """
    require_one_shape(predicted, reference)
    edges_mm = np.asarray(spacing_mm, dtype=np.float64)
    distances = _distances(surface_voxels(predicted) * edges_mm, surface_voxels(reference) * edges_mm)
    if distances is None:
        return math.nan
    both = np.concatenate([distances.to_reference, distances.to_predicted])
    return float(np.mean(both <= tolerance_mm))


def surface_voxels(mask: Bool[np.ndarray, "*space"]) -> Int64[np.ndarray, "voxel axis"]:
    """Indices of the voxels with a face towards a voxel outside the mask; none where it is empty."""
    if not mask.any():
        return np.zeros((0, mask.ndim), dtype=np.int64)
    box = _bounding_box(mask)
    padded = np.pad(mask[box], 1)
    core = (slice(1, -1),) * mask.ndim
    enclosed = padded[core].copy()
    for axis in range(mask.ndim):
        for side in (slice(None, -2), slice(2, None)):
            enclosed &= padded[(*core[:axis], side, *core[axis + 1 :])]
    return np.argwhere(mask[box] & ~enclosed) + [extent.start for extent in box]


@dataclass(frozen=True, slots=True, eq=False)
class _SurfaceDistances:
    """Millimetres from every surface voxel of one mask to the nearest one of the other."""

    to_reference: Float64[np.ndarray, " predicted_voxel"]
    to_predicted: Float64[np.ndarray, " reference_voxel"]


def _distances(
    predicted_mm: Float64[np.ndarray, "predicted axis"], reference_mm: Float64[np.ndarray, "reference axis"]
) -> _SurfaceDistances | None:
    if not (len(predicted_mm) and len(reference_mm)):
        return None
    # search trees: a distance map would hold all voxels between masks far apart
    return _SurfaceDistances(
        KDTree(reference_mm).query(predicted_mm)[0], KDTree(predicted_mm).query(reference_mm)[0]
    )


def _bounding_box(mask: Bool[np.ndarray, "*space"]) -> tuple[slice, ...]:
    axes = range(mask.ndim)
    hit = [np.flatnonzero(mask.any(axis=tuple(other for other in axes if other != axis))) for axis in axes]
    return tuple(slice(int(indices[0]), int(indices[-1]) + 1) for indices in hit)
