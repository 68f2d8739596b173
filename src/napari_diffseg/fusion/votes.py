"""How many members say what."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8


def votes(members: UInt8[np.ndarray, "member D H W"], label: int) -> UInt8[np.ndarray, "D H W"]:
    """At each voxel the number of members that give it this label.

    Args:
        members: label maps; at most 255 of them.
        label: of one structure, or 0 for background.
    """
    counted = np.zeros(members.shape[1:], dtype=np.uint8)
    for member in members:
        counted += member == label
    return counted


def most_voted(
    members: UInt8[np.ndarray, "member D H W"], classes: int, *, above: int | None = None
) -> UInt8[np.ndarray, "D H W"]:
    """The foreground label with most votes, where it has more than so many.

    Args:
        members: label maps; at most 255 of them.
        classes: number of foreground classes; labels above it get no vote.
        above: so many; None for as many as background has there.

    Returns:
        The label, of several with equally many votes the lowest; 0 where none has enough.
    """
    labels = np.zeros(members.shape[1:], dtype=np.uint8)
    most = votes(members, 0) if above is None else np.full(labels.shape, above, dtype=np.uint8)
    # two counts at a time: counts of all classes at once would fill memory on a large scan
    for label in range(1, classes + 1):
        counted = votes(members, label)
        labels[counted > most] = label
        np.maximum(most, counted, out=most)
    return labels
