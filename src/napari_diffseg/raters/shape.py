"""Shapes of one lesion: interpolated between slices, smoothed, freed of stray pieces. All give a new mask."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float64
from scipy.ndimage import distance_transform_edt, gaussian_filter, generate_binary_structure, label

from napari_diffseg.volume.grid import Spacing


def interpolated(
    mask: Bool[np.ndarray, "D H W"], axis: int, spacing_mm: Spacing
) -> Bool[np.ndarray, "D H W"]:
    """The mask with each empty slice between two drawn ones filled, by mixing distances to their borders.

    Args:
        mask: of one lesion.
        axis: across which it was drawn slice by slice.
        spacing_mm: voxel edge along (D, H, W).

    Returns:
        What was drawn stays as it is. A slice between two that do not overlap may stay empty.

    Source:
        Raya and Udupa, Shape-based interpolation of multidimensional objects, IEEE Transactions on Medical
        Imaging 9(1), 1990, doi:10.1109/42.52980.
    """
    slices = np.moveaxis(mask, axis, 0)
    h_mm, w_mm = (edge for number, edge in enumerate(spacing_mm) if number != axis)
    drawn = np.flatnonzero(slices.any(axis=(1, 2))).tolist()
    filled = slices.copy()
    for below, above in pairwise(drawn):
        if above - below == 1:
            continue
        start, end = (_signed_mm(slices[at], (h_mm, w_mm)) for at in (below, above))
        for at in range(below + 1, above):
            share = (at - below) / (above - below)
            filled[at] = (1 - share) * start + share * end > 0
    return np.moveaxis(filled, 0, axis)


def smoothed(
    mask: Bool[np.ndarray, "D H W"], axes: Iterable[int], spacing_mm: Spacing
) -> Bool[np.ndarray, "D H W"]:
    """The mask with a smoother border, as large as before.

    It is blurred by a Gaussian as wide as the finest voxel edge, and as many voxels as before are kept: those
    of the greatest values.

    Args:
        mask: of one lesion, with a margin to grow into.
        axes: along which it is blurred.
        spacing_mm: voxel edge along (D, H, W).
    """
    chosen, count = tuple(axes), int(np.count_nonzero(mask))
    if count == 0:
        return mask.copy()
    finest_mm = min(spacing_mm[axis] for axis in chosen)
    sigma = [finest_mm / edge if axis in chosen else 0.0 for axis, edge in enumerate(spacing_mm)]
    blurred = gaussian_filter(mask.astype(np.float32), sigma, mode="nearest")
    least = np.partition(blurred.ravel(), -count)[-count]
    kept: Bool[np.ndarray, "D H W"] = blurred >= least
    return kept


def largest_piece(mask: Bool[np.ndarray, "D H W"]) -> Bool[np.ndarray, "D H W"]:
    """The piece with the most voxels; voxels that touch by a corner are of one piece."""
    pieces, count = label(mask, structure=generate_binary_structure(3, 3))
    if count < 2:
        return mask.copy()
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == sizes.argmax())


def _signed_mm(plane: Bool[np.ndarray, "H W"], spacing_mm: tuple[float, float]) -> Float64[np.ndarray, "H W"]:
    """Distance to the border, above 0 inside."""
    framed = np.pad(plane, 1)  # a border of the picture is one of the shape too
    inside = distance_transform_edt(framed, sampling=spacing_mm)
    outside = distance_transform_edt(~framed, sampling=spacing_mm)
    signed: Float64[np.ndarray, "H W"] = (inside - outside)[1:-1, 1:-1]
    return signed
