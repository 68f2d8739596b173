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
from jaxtyping import Bool, Float64
from scipy.ndimage import binary_erosion, distance_transform_edt

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
    distances = _surface_distances(predicted, reference, spacing_mm)
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
    distances = _surface_distances(predicted, reference, spacing_mm)
    if distances is None:
        return math.nan
    both = np.concatenate([distances.to_reference, distances.to_predicted])
    return float(np.mean(both <= tolerance_mm))


@dataclass(frozen=True, slots=True, eq=False)
class _SurfaceDistances:
    """Millimetres from every surface voxel of one mask to the nearest one of the other."""

    to_reference: Float64[np.ndarray, " predicted_voxel"]
    to_predicted: Float64[np.ndarray, " reference_voxel"]


def _surface_distances(
    predicted: Bool[np.ndarray, "*space"],
    reference: Bool[np.ndarray, ...],
    spacing_mm: Sequence[float],
) -> _SurfaceDistances | None:
    require_one_shape(predicted, reference)
    if not (predicted.any() and reference.any()):
        return None
    box = _bounding_box(predicted | reference)
    predicted_surface, reference_surface = _surface(predicted[box]), _surface(reference[box])
    return _SurfaceDistances(
        _distance_mm(reference_surface, spacing_mm)[predicted_surface],
        _distance_mm(predicted_surface, spacing_mm)[reference_surface],
    )


def _bounding_box(mask: Bool[np.ndarray, "*space"]) -> tuple[slice, ...]:
    axes = range(mask.ndim)
    hit = [np.flatnonzero(mask.any(axis=tuple(other for other in axes if other != axis))) for axis in axes]
    return tuple(slice(int(indices[0]), int(indices[-1]) + 1) for indices in hit)


def _surface(mask: Bool[np.ndarray, "*space"]) -> Bool[np.ndarray, "*space"]:
    inside: Bool[np.ndarray, "*space"] = binary_erosion(mask)
    return np.logical_and(mask, ~inside)


def _distance_mm(
    surface: Bool[np.ndarray, "*space"], spacing_mm: Sequence[float]
) -> Float64[np.ndarray, "*space"]:
    return np.asarray(distance_transform_edt(~surface, sampling=spacing_mm), dtype=np.float64)
