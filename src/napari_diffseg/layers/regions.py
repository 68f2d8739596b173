"""Boxes of a scan's voxels from what is marked in the viewer: a point, or a rectangle of a Shapes layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from napari.layers import Image, Shapes

from napari_diffseg.errors import PreparationError
from napari_diffseg.layers.scans import grid_of
from napari_diffseg.results.options import SliceAxis
from napari_diffseg.volume import Box
from napari_diffseg.volume.grid import Spacing

_FLAT_VOXELS = 0.51  # a rectangle thinner than this lies in one slice


def box_around(layer: Image, point: Sequence[float], size_mm: Spacing) -> Box:
    """A box around a point of the viewer, clipped to the scan.

    Args:
        layer: of the scan.
        point: in the viewer's world, for example `viewer.dims.point`; its last three count.
        size_mm: along (D, H, W).

    Raises:
        PreparationError: nothing of the box lies inside the scan.
        ScanError: the layer cannot be used as a scan.
    """
    grid = grid_of([layer])
    voxels = [size / edge for size, edge in zip(size_mm, grid.spacing_mm, strict=True)]
    centre = np.asarray(layer.world_to_data(tuple(point)[-3:]), dtype=float).tolist()
    return Box.around(centre, voxels).clipped(grid.shape)


def slice_in_view(layer: Image, point: Sequence[float], axis: SliceAxis) -> int:
    """Number of the scan's slice that a point of the viewer lies in.

    Args:
        layer: of the scan.
        point: in the viewer's world, for example `viewer.dims.point`; its last three count.
        axis: that slices are counted along, (0, 1, 2) for (D, H, W).

    Returns:
        From 0; outside the scan where the point is.
    """
    return round(float(layer.world_to_data(tuple(point)[-3:])[axis]))


def box_of_slice(layer: Image, point: Sequence[float], axis: SliceAxis) -> Box:
    """The slice that a point of the viewer lies in, and nothing else; see `slice_in_view`.

    Raises:
        PreparationError: the point lies outside the scan.
        ScanError: the layer cannot be used as a scan.
    """
    shape, number = grid_of([layer]).shape, slice_in_view(layer, point, axis)
    start, stop = [0, 0, 0], list(shape)
    start[axis], stop[axis] = number, number + 1
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])).clipped(shape)


def box_of_rectangle(layer: Image, shapes: Shapes, depth: int, point: Sequence[float]) -> Box:
    """A box with a drawn rectangle as its middle slice, clipped to the scan.

    Args:
        layer: of the scan.
        shapes: its selected shape counts, otherwise the last one drawn.
        depth: slices across the rectangle.
        point: in the viewer's world; gives the slice of a rectangle that was drawn in 2D.

    Raises:
        PreparationError: there is no shape, it lies askew, or outside the scan.
        ScanError: the layer cannot be used as a scan.
    """
    corners = np.array([layer.world_to_data(corner) for corner in _corners(shapes, point)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    across = int((high - low).argmin())
    if (high - low)[across] > _FLAT_VOXELS:
        raise PreparationError(
            f"The shape in “{shapes.name}” lies askew in the scan. Draw a rectangle in one slice."
        )
    size = high - low
    size[across] = depth
    return Box.around(((low + high) / 2).tolist(), size.tolist()).clipped(grid_of([layer]).shape)


def _corners(shapes: Shapes, point: Sequence[float]) -> Float[np.ndarray, "corner 3"]:
    """World coordinates of the chosen shape's corners."""
    if not shapes.nshapes:
        raise PreparationError(f"“{shapes.name}” holds no shape yet. Draw a rectangle in it.")
    number = max(shapes.selected_data, default=shapes.nshapes - 1)
    world = np.array([shapes.data_to_world(corner) for corner in shapes.data[number]], dtype=float)[:, -3:]
    missing = np.tile(np.asarray(point, dtype=float)[-3 : 3 - world.shape[1] or None], (len(world), 1))
    return np.hstack([missing[:, : 3 - world.shape[1]], world])
