"""How many voxels hold which value."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64, UInt


def tally(labels: UInt[np.ndarray, "D H W"]) -> Int64[np.ndarray, " value"]:
    """Voxels of each value from 0 to the highest."""
    counts = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    for plane in labels:  # bincount takes eight bytes a voxel, so plane by plane
        counts += np.bincount(plane.ravel(), minlength=len(counts))
    return counts
