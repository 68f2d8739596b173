"""Members that are large enough beside the others."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, UInt8

from napari_diffseg.errors import SettingsError


def relative_area(
    members: UInt8[np.ndarray, "member D H W"], smallest: float = 0.5
) -> Bool[np.ndarray, " member"]:
    """Which members are not specks: the others of a set become empty.

    Args:
        members: label maps of one ensemble; every foreground class counts alike.
        smallest: share of the largest member's foreground; 0 keeps all, 1 the largest alone.

    Returns:
        True where a member's foreground is at least that share, so for all members if all are empty.

    Raises:
        SettingsError: `smallest` lies outside 0 to 1.
    Source:
        Christensen et al. 2025, supplement, with r = 0.5. The official code also empties a member of exactly
        that share.
    """
    if not 0 <= smallest <= 1:
        raise SettingsError(
            f"The smallest relative area is {smallest:g}; it must lie from 0 to 1. Choose one in between."
        )
    # one member at a time: a comparison of all would need as much memory again
    voxels = np.array([np.count_nonzero(member) for member in members])
    return voxels >= smallest * voxels.max(initial=0)
