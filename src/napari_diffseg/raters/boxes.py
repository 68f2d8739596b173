"""The smallest boxes around voxels of a mask, and around what differs between two."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, UInt8

from napari_diffseg.volume.grid import Box


def box_around(planes: Iterable[Bool[np.ndarray, "H W"]]) -> Box | None:
    """The smallest box around all voxels that are true.

    Args:
        planes: of a volume, along its first axis. Planes that are made one by one stay in the processor's
            cache: 30 ms for 80 million voxels.

    Returns:
        None when there are none.
    """
    depths, rows, columns = [], [], []
    for depth, plane in enumerate(planes):
        if plane.any():
            depths.append(depth)
            rows.append(plane.any(axis=1))
            columns.append(plane.any(axis=0))
    if not depths:
        return None
    h, w = (np.flatnonzero(np.any(hits, axis=0)).tolist() for hits in (rows, columns))
    return Box((depths[0], h[0], w[0]), (depths[-1] + 1, h[-1] + 1, w[-1] + 1))


def box_of(mask: UInt8[np.ndarray, "D H W"], number: int | None = None) -> Box | None:
    """The smallest box around all voxels of a number, or of any where none is given.

    Returns:
        None when there are none.
    """
    return box_around(plane != 0 if number is None else plane == number for plane in mask)


def changed_box(
    old: UInt8[np.ndarray, "D H W"], new: UInt8[np.ndarray, "D H W"], within: Box | None = None
) -> Box | None:
    """The smallest box around all voxels that differ.

    Args:
        old: mask.
        new: of the same shape.
        within: box to which the search is kept, clipped to the mask.

    Returns:
        None when nothing differs.
    """
    d, h, w = old.shape
    (d0, h0, w0), (d1, h1, w1) = (0, 0, 0), (d, h, w)
    if within is not None:
        d0, h0, w0 = (max(0, start) for start in within.start)
        d1, h1, w1 = (min(n, stop) for n, stop in zip(old.shape, within.stop, strict=True))
    part = slice(d0, d1), slice(h0, h1), slice(w0, w1)
    found = box_around(a != b for a, b in zip(old[part], new[part], strict=True))
    if found is None:
        return None
    (a, b, c), (e, f, g) = found.start, found.stop
    return Box((a + d0, b + h0, c + w0), (e + d0, f + h0, g + w0))
