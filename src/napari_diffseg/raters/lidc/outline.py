"""Which pixels an outline of LIDC-IDRI holds, in whole numbers only.

An outline marks the first pixels outside the nodule. It is a polygon through the middles of its pixels, back
to the first; a pixel belongs to the nodule when its own middle lies strictly inside by the even-odd rule, and
not when it lies on an edge. Inclusions of a slice are united, then each exclusion is taken away together with
its outline. So the order of the outlines does not matter, and for an outline that does not touch itself the
count is A − B / 2 + 1 (Pick): A the area of the polygon, B the whole-numbered points on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.lidc.message import Pixel, Roi
from napari_diffseg.volume.wording import times


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """An outline on the least rectangle that holds it.

    Args:
        corner: column and row of the rectangle's first pixel.
        inside: the pixels that the outline encloses, none of its own.
        on_outline: the pixels that it goes through.
    """

    corner: Pixel
    inside: Bool[np.ndarray, "rows columns"]
    on_outline: Bool[np.ndarray, "rows columns"]

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rectangle as an index into an image (row, column)."""
        (x, y), (rows, columns) = self.corner, self.inside.shape
        return slice(y, y + rows), slice(x, x + columns)


def fill(edge_map: Iterable[Pixel]) -> Filled:
    """An outline's inside and its own pixels; it is closed where it is not."""
    points = np.array(list(edge_map), dtype=np.int64)
    corner = points.min(axis=0)
    start = points - corner
    columns, rows = (start.max(axis=0) + 1).tolist()
    step = np.roll(start, -1, axis=0) - start
    on_outline = _passed(start, step, (rows, columns))
    inside = _odd(start, step, (rows, columns)) & ~on_outline
    x, y = corner.tolist()
    return Filled((x, y), inside, on_outline)


def mask_of(rois: Iterable[Roi], shape: tuple[int, int]) -> Bool[np.ndarray, "rows columns"]:
    """The pixels of a nodule on one slice.

    Args:
        rois: its outlines there.
        shape: rows and columns of the slice.

    Raises:
        RaterProjectError: an outline leaves the slice.
    """
    filled = [(roi.inclusion, fill(roi.edge_map)) for roi in rois]
    mask = np.zeros(shape, dtype=bool)
    for _, outline in filled:
        _check_inside(outline, shape)
    for included, outline in filled:
        if included:
            mask[outline.slices] |= outline.inside
    for included, outline in filled:
        if not included:
            mask[outline.slices] &= ~(outline.inside | outline.on_outline)
    return mask


def _passed(
    start: Int64[np.ndarray, "edge 2"], step: Int64[np.ndarray, "edge 2"], shape: tuple[int, int]
) -> Bool[np.ndarray, "rows columns"]:
    """The whole-numbered points on the edges: an edge has gcd(|dx|, |dy|) + 1 of them."""
    parts = np.gcd(np.abs(step[:, 0]), np.abs(step[:, 1]))
    edge, number = _counted(parts)
    point = start[edge] + number[:, np.newaxis] * (step[edge] // parts[edge, np.newaxis])
    passed = np.zeros(shape, dtype=bool)
    passed[point[:, 1], point[:, 0]] = True
    passed[start[:, 1], start[:, 0]] = True  # an outline of a single point has no edge
    return passed


def _odd(
    start: Int64[np.ndarray, "edge 2"], step: Int64[np.ndarray, "edge 2"], shape: tuple[int, int]
) -> Bool[np.ndarray, "rows columns"]:
    """Whether an odd number of edges lies to the left of a pixel's middle; open for pixels on an edge.

    An edge crosses the rows from its upper end up to, but not with, its lower end, so that a corner between
    two edges counts once where the outline goes on downwards, and twice or never where it turns.
    """
    upwards = step[:, 1] < 0
    top = np.where(upwards[:, np.newaxis], start + step, start)
    run, fall = np.where(upwards, -step[:, 0], step[:, 0]), np.abs(step[:, 1])
    edge, below = _counted(fall)
    # the first pixel to the right of the crossing; // rounds down, so this holds on both sides of it
    column = top[edge, 0] + below * run[edge] // fall[edge] + 1
    rows, columns = shape
    flat = (top[edge, 1] + below) * (columns + 1) + column
    crossings = np.bincount(flat, minlength=rows * (columns + 1)).reshape(rows, columns + 1)
    return np.cumsum(crossings, axis=1)[:, :columns] % 2 == 1


def _counted(counts: Int64[np.ndarray, " edge"]) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """For counts (2, 0, 3): which they belong to (0, 0, 2, 2, 2), and their numbers (0, 1, 0, 1, 2)."""
    edge = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return edge, np.arange(len(edge)) - first[edge]


def _check_inside(outline: Filled, shape: tuple[int, int]) -> None:
    rows, columns = (part.stop for part in outline.slices)
    if rows > shape[0] or columns > shape[1]:
        raise RaterProjectError(
            f"An outline reaches column {columns - 1} and row {rows - 1} of a slice that has "
            f"{times(reversed(shape))} pixels. Choose the CT series that the XML names."
        )
