"""What a rater marked, lesion by lesion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt
from scipy.ndimage import generate_binary_structure, label

from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.planes import planes_of

PIECE = "piece"
"""Kind of a lesion that nobody named: a connected piece of a mask."""


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """One rater's lesions on one case: first those of voxels, then those of a point.

    Args:
        kinds: of all.
        voxels: that are marked, as (D, H, W) of the scan, in the scan's order.
        lesion: that each of these belongs to, as its place in `kinds`.
        points: places of the lesions of a point.
    """

    kinds: tuple[str, ...]
    voxels: Int64[np.ndarray, "voxel 3"]
    lesion: Int64[np.ndarray, " voxel"]
    points: Int64[np.ndarray, "point 3"]

    @property
    def masks(self) -> int:
        """How many lesions have voxels."""
        return len(self.kinds) - len(self.points)

    @property
    def middles(self) -> Float64[np.ndarray, "mark 3"]:
        """Of each lesion."""
        count = np.bincount(self.lesion, minlength=self.masks)
        sums = [np.bincount(self.lesion, weights=axis, minlength=self.masks) for axis in self.voxels.T]
        return np.concatenate([np.stack(sums, axis=1) / count[:, None], self.points])


def marks_of(
    mask: UInt[np.ndarray, "D H W"], lesions: Iterable[Lesion] = (), *, classes: int = 65535
) -> Marks:
    """The lesions of a read.

    Args:
        mask: classes and lesions' numbers, as `lesion` says.
        lesions: of that read; none for a plain label map.
        classes: values up to it are drawn without a lesion; there every connected piece is one (voxels
            touch by face, edge or corner), of whatever class.
    """
    lesions, planes = tuple(lesions), planes_of([mask])
    points = [lesion for lesion in lesions if lesion.voxel is not None]
    drawn = mask[planes.index]
    places = np.argwhere(drawn > 0)
    pieces, count = label((drawn > 0) & (drawn <= classes), structure=generate_binary_structure(3, 3))
    values, number = drawn[tuple(places.T)], pieces[tuple(places.T)].astype(np.int64) - 1
    kinds = [PIECE] * int(count)
    for lesion in lesions:
        if lesion.voxel is None and (values == lesion.number).any():
            number[values == lesion.number] = len(kinds)
            kinds.append(lesion.kind)
    kinds += [lesion.kind for lesion in points]
    point_voxels = np.array([lesion.voxel for lesion in points], dtype=np.int64).reshape(-1, 3)
    return Marks(tuple(kinds), planes.voxels(places[number >= 0]), number[number >= 0], point_voxels)
