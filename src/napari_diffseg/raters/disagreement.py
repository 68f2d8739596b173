"""Where reads disagree: a map of votes, and a curve along the slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from napari_diffseg.fusion import votes
from napari_diffseg.raters.stack import marked_planes, require_one_grid, stacked
from napari_diffseg.volume.label_map import LabelMap


@dataclass(frozen=True, slots=True, eq=False)
class Disagreement:
    """One structure and several reads.

    Args:
        votes: how many reads mark each voxel of the scan: the agreement map.
        disputed: voxels of each slice that some reads mark and others don't.
        marked: voxels of each slice that some read marks.
    """

    votes: UInt8[np.ndarray, "D H W"]
    disputed: Int64[np.ndarray, " D"]
    marked: Int64[np.ndarray, " D"]

    @property
    def share(self) -> Float64[np.ndarray, " D"]:
        """Of the marked voxels of each slice, those in dispute; 0 in a slice that nobody marks."""
        return self.disputed / np.maximum(self.marked, 1)


def disagreement(reads: Sequence[LabelMap], label: int = 1) -> Disagreement:
    """Where the reads of one case disagree on a structure.

    Args:
        reads: one a rater.
        label: of the structure.

    Raises:
        SettingsError: there is no read.
        GridMismatchError: the reads do not lie on one grid.
    """
    require_one_grid(reads)
    shape, planes = reads[0].grid.shape, marked_planes(reads)
    counted = np.zeros(shape, dtype=np.uint8)
    disputed, marked = np.zeros(shape[0], dtype=np.int64), np.zeros(shape[0], dtype=np.int64)
    inside = votes(stacked(reads, planes.index, label), label)
    counted[planes.index] = inside
    marked[planes.axes[0]] = np.count_nonzero(inside, axis=(1, 2))
    disputed[planes.axes[0]] = np.count_nonzero((inside > 0) & (inside < len(reads)), axis=(1, 2))
    return Disagreement(counted, disputed, marked)
