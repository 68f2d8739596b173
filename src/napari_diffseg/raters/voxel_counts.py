"""How many voxels each number of a mask has, kept up to date plane by plane while it is drawn."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from napari_diffseg.volume.grid import Box


class VoxelCounts:
    """Counts of a mask's numbers in each plane.

    Args:
        mask: as it is now.
    """

    def __init__(self, mask: UInt8[np.ndarray, "D H W"]) -> None:
        self._planes = np.zeros((len(mask), 256), dtype=np.int64)
        self.update(mask, Box.whole(mask.shape))

    def update(self, mask: UInt8[np.ndarray, "D H W"], changed: Box) -> None:
        """Count again where the mask may have changed."""
        for plane in range(changed.start[0], changed.stop[0]):
            self._planes[plane] = np.bincount(mask[plane].ravel(), minlength=256)

    def voxels(self) -> dict[int, int]:
        """Voxels by number, of those that have any; the background is not among them."""
        total = self._planes.sum(axis=0)
        return {number: int(total[number]) for number in np.flatnonzero(total).tolist() if number}
