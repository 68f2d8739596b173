"""Which MR sequence a file holds, where its name says so."""

from __future__ import annotations

import re

_NAMES = {
    "t1": "t1",
    "t1n": "t1",
    "t1w": "t1",
    "t1c": "t1ce",
    "t1ce": "t1ce",
    "t1gd": "t1ce",
    "t2": "t2",
    "t2f": "flair",
    "t2w": "t2",
    "flair": "flair",
}


def channel_of(name: str) -> str:
    """The channel that a file name speaks of.

    Args:
        name: file name, for example "BraTS_001_T1Gd.nii.gz".

    Returns:
        "t1", "t1ce", "t2" or "flair"; "image" when the name holds none of them or several.
    """
    words = re.split(r"[^a-z0-9]+", name.lower())
    found = {_NAMES[word] for word in words if word in _NAMES}
    return found.pop() if len(found) == 1 else "image"


def modality_of(channel: str) -> str:
    """The kind of scanner: "MR" for a channel that is a known sequence, otherwise empty."""
    return "MR" if channel.lower() in _NAMES else ""
