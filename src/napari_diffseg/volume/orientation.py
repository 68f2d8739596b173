"""Display order, (inferior, posterior, left): how a file's voxels get there and exactly back.

napari draws the last two axes downwards and to the right. With these axes an axial slice has
anterior up and the patient's left on the right, and the other two views are right side up too.
Axes are only swapped and flipped, never resampled, so the way back gives every voxel back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64, Shaped
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)

_DISPLAY = axcodes2ornt(("I", "P", "L"))


def to_display(
    data: Shaped[np.ndarray, "*leading i j k"], affine: Float64[np.ndarray, "4 4"]
) -> Shaped[np.ndarray, "*leading D H W"]:
    """A view of an array in file order, turned to display order.

    Args:
        data: axes of the file last; axes before them (channel, member) stay where they are.
        affine: from the file's voxel index to RAS+ millimetres; not singular.

    Returns:
        The same memory with other strides: writing to it writes to `data`.
    """
    return _turned(data, _to_display(affine))


def from_display(
    data: Shaped[np.ndarray, "*leading D H W"], affine: Float64[np.ndarray, "4 4"]
) -> Shaped[np.ndarray, "*leading i j k"]:
    """A view of an array in display order, turned back to the order of a file.

    Args:
        data: display axes last; axes before them stay where they are.
        affine: of the file: from its voxel index to RAS+ millimetres.

    Returns:
        The same memory with other strides; the inverse of `to_display` for this affine.
    """
    return _turned(data, ornt_transform(_DISPLAY, io_orientation(affine)))


def display_affine(affine: Float64[np.ndarray, "4 4"], shape: Sequence[int]) -> Float64[np.ndarray, "4 4"]:
    """From voxel index in display order to RAS+ millimetres, for a file of this affine.

    Args:
        affine: from the file's voxel index to RAS+ millimetres; not singular.
        shape: voxels along the three axes of the file.
    """
    return np.asarray(affine @ inv_ornt_aff(_to_display(affine), shape), dtype=np.float64)


def _to_display(affine: Float64[np.ndarray, "4 4"]) -> Float[np.ndarray, "3 2"]:
    return np.asarray(ornt_transform(io_orientation(affine), _DISPLAY))


def _turned(
    data: Shaped[np.ndarray, "*leading a b c"], transform: Float[np.ndarray, "3 2"]
) -> Shaped[np.ndarray, "*leading d e f"]:
    leading = range(data.ndim - 3)
    behind = range(-len(leading), 0)
    # nibabel turns the first three axes and leaves those behind them alone
    turned = apply_orientation(np.moveaxis(data, leading, behind), transform)
    return np.moveaxis(turned, behind, leading)
