"""From finished members to one label map."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8

from napari_diffseg.fusion import consensus_from_mean, majority, squared_mean, staple
from napari_diffseg.results.options import Fusion


def consensus(
    fusion: Fusion,
    mean: Float32[np.ndarray, "class D H W"],
    members: UInt8[np.ndarray, "member D H W"],
    *,
    threshold: float,
) -> UInt8[np.ndarray, "D H W"]:
    """One label map.

    Args:
        fusion: how.
        mean: over the soft members, which "mean" and "squared-mean" look at.
        members: label maps, which "majority" and "staple" look at.
        threshold: of a fusion of the mean.
    """
    match fusion:
        case "mean":
            return consensus_from_mean(mean, threshold)
        case "squared-mean":
            return squared_mean(mean, threshold)
        case "majority":
            return majority(members, len(mean))
        case "staple":
            return staple(members, len(mean))
