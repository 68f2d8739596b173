"""What a rater may do to the lesion in hand beside painting: each is one step of the layer's undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool
from napari.layers import Labels

from napari_diffseg.raters.boxes import box_of
from napari_diffseg.raters.shape import interpolated, largest_piece, smoothed
from napari_diffseg.volume.grid import Box, Spacing

_MARGIN = 3
View = Callable[[], tuple[int, int]]
"""Gives the axis across which slices are seen, and which slice that is now."""


class ReadTools:
    """Changes the lesion whose number the brush has; the voxels of another one are never touched.

    Each method says in a sentence what it did, or why it did nothing.

    Args:
        labels: the layer that is drawn in.
        spacing_mm: voxel edge along (D, H, W).
        view: of the viewer.
    """

    def __init__(self, labels: Labels, spacing_mm: Spacing, view: View) -> None:
        self._labels, self._spacing_mm, self._view = labels, spacing_mm, view

    def interpolate(self) -> str:
        """Fill the empty slices between drawn ones."""
        axis, _ = self._view()
        box, drawn = self._in_hand()
        filled = interpolated(drawn, axis, self._spacing_mm)
        before, after = _slices(drawn, axis), _slices(filled, axis)
        self._put(box, drawn, filled)
        if after > before:
            return f"Filled {after - before} slices between the drawn ones."
        if before == drawn.shape[axis]:
            return "There is no empty slice between drawn ones. Skip some while drawing, then interpolate."
        return "The drawn slices lie too far apart to be joined. Draw one more between them."

    def copy_previous(self) -> str:
        """Copy the lesion into this slice from the one before it, or else from the one behind."""
        axis, here = self._view()
        for there in (here - 1, here + 1):
            box = self._slice(axis, there)
            if box is None or not (source := self._drawn(box)).any():
                continue
            target = self._slice(axis, here)
            if target is None:
                break
            before = self._drawn(target)
            self._put(target, before, before | source)
            return f"Copied from slice {there}."
        return f"The slices beside this one hold nothing of lesion {self._labels.selected_label}."

    def smooth(self) -> str:
        """Smooth the lesion's outline in this slice."""
        axis, here = self._view()
        box = self._slice(axis, here)
        if box is None or not (drawn := self._drawn(box)).any():
            return f"This slice holds nothing of lesion {self._labels.selected_label}."
        return self._smooth(box, drawn, [other for other in range(3) if other != axis])

    def smooth_all(self) -> str:
        """Smooth the lesion in three dimensions."""
        box, _ = self._in_hand()
        wide = box.widened([_MARGIN] * 3).clipped(self._labels.data.shape)
        return self._smooth(wide, self._drawn(wide), (0, 1, 2))

    def keep_largest(self) -> str:
        """Erase all but the lesion's largest piece."""
        box, drawn = self._in_hand()
        kept = largest_piece(drawn)
        erased = int(np.count_nonzero(drawn)) - int(np.count_nonzero(kept))
        self._put(box, drawn, kept)
        return f"Erased {erased} voxels of smaller pieces." if erased else "The lesion is in one piece."

    def erase(self, number: int) -> None:
        """Erase all voxels of a lesion."""
        box = box_of(self._labels.data, number)
        if box is not None:
            values = self._labels.data[box.slices].copy()
            values[values == number] = 0
            self._set(box, values)

    def draw(self, number: int, box: Box, voxels: Bool[np.ndarray, "D H W"]) -> None:
        """Draw a lesion in a box, where nothing else is."""
        values = self._labels.data[box.slices].copy()
        values[voxels & (values == 0)] = number
        self._set(box, values)

    def _smooth(self, box: Box, drawn: Bool[np.ndarray, "D H W"], axes: Sequence[int]) -> str:
        result = smoothed(drawn, axes, self._spacing_mm)
        self._put(box, drawn, result)
        return "It is smooth already." if np.array_equal(result, drawn) else "Smoothed."

    def _in_hand(self) -> tuple[Box, Bool[np.ndarray, "D H W"]]:
        """The lesion in the smallest box around it; one voxel without it where it has none."""
        box = box_of(self._labels.data, self._labels.selected_label) or Box((0, 0, 0), (1, 1, 1))
        return box, self._drawn(box)

    def _slice(self, axis: int, at: int) -> Box | None:
        """One slice; None outside the scan."""
        shape = self._labels.data.shape
        if not 0 <= at < shape[axis]:
            return None
        d, h, w = ((at, at + 1) if number == axis else (0, size) for number, size in enumerate(shape))
        return Box((d[0], h[0], w[0]), (d[1], h[1], w[1]))

    def _drawn(self, box: Box) -> Bool[np.ndarray, "D H W"]:
        drawn: Bool[np.ndarray, "D H W"] = self._labels.data[box.slices] == self._labels.selected_label
        return drawn

    def _put(self, box: Box, before: Bool[np.ndarray, "D H W"], after: Bool[np.ndarray, "D H W"]) -> None:
        """Draw and erase the lesion in hand; where another one is, it stays."""
        values = self._labels.data[box.slices].copy()
        values[before & ~after] = 0
        values[after & (values == 0)] = self._labels.selected_label
        self._set(box, values)

    def _set(self, box: Box, values: np.ndarray) -> None:
        places = np.argwhere(self._labels.data[box.slices] != values)
        if len(places):
            indices = tuple((places + box.start).T)
            self._labels.data_setitem(indices, values[tuple(places.T)])


def _slices(drawn: Bool[np.ndarray, "D H W"], axis: int) -> int:
    others = tuple(other for other in range(3) if other != axis)
    return int(np.count_nonzero(drawn.any(axis=others)))
