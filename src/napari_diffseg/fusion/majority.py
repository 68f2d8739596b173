"""The label that most members give a voxel."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from napari_diffseg.fusion.votes import most_voted


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
    return most_voted(members, classes)
