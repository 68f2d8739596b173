"""The square of the mean, by a threshold."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from napari_diffseg.fusion.threshold import consensus_from_mean


def squared_mean(
    mean: Float[np.ndarray, "class D H W"], threshold: float = 0.5
) -> UInt8[np.ndarray, "D H W"]:
    """Background where the squared foreground is weak, otherwise the likeliest foreground class.

    The official code of MedSegDiff has this where its paper has STAPLE. With one class and a threshold of
    0.5 it is foreground where the mean reaches 0.71, so it marks less than the mean does.

    Args:
        mean: probability of each foreground class, 0 to 1; at most 255 classes.
        threshold: background where the squares sum to less; 0 to 1.

    Returns:
        0 for background, n for the n-th class. Equal means: the lower class. NaN: background.

    Raises:
        SettingsError: the threshold lies outside 0 to 1.
    Source:
        MedSegDiff's code (Wu et al., arXiv:2211.00611), not in the paper; several classes are ours.
    """
    return consensus_from_mean(mean**2, threshold)
