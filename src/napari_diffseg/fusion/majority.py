"""The label that most members give a voxel."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8


def majority(members: UInt8[np.ndarray, "member D H W"], classes: int) -> UInt8[np.ndarray, "D H W"]:
    """Plurality vote of hard members, background included.

    Args:
        members: label maps; from 1 to 255 of them.
        classes: number of foreground classes; labels above it get no vote.

    Returns:
        The label with most votes; of several with equally many the lowest, so background first.

    Source:
        ImgX-DiffSeg's ensemble (Fu et al., arXiv:2303.06040, in the code only).
    """
    labels = np.zeros(members.shape[1:], dtype=np.uint8)
    most = _votes(members, 0)
    # two counts at a time: counts of all classes at once would fill memory on a large scan
    for label in range(1, classes + 1):
        votes = _votes(members, label)
        labels[votes > most] = label
        np.maximum(most, votes, out=most)
    return labels


def _votes(members: UInt8[np.ndarray, "member D H W"], label: int) -> UInt8[np.ndarray, "D H W"]:
    votes = np.zeros(members.shape[1:], dtype=np.uint8)
    for member in members:
        votes += member == label
    return votes
