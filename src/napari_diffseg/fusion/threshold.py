"""A label map from the mean of soft members."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from napari_diffseg.errors import SettingsError


def consensus_from_mean(
    mean: Float[np.ndarray, "class D H W"], threshold: float = 0.5
) -> UInt8[np.ndarray, "D H W"]:
    """Background where the foreground is unlikely, otherwise the likeliest foreground class.

    Args:
        mean: probability of each foreground class, 0 to 1; at most 255 classes.
        threshold: background where the classes sum to less; 0 to 1.

    Returns:
        0 for background, n for the n-th class. Equal means: the lower class. NaN: background.

    Raises:
        SettingsError: the threshold lies outside 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise SettingsError(
            f"The threshold is {threshold:g}; it must lie from 0 to 1. Choose one in between."
        )
    labels = np.ones(mean.shape[1:], dtype=np.uint8)
    foreground, greatest = mean[0].copy(), mean[0].copy()
    # one class at a time: an argmax over all of them would need eight bytes a voxel
    for label, of_class in enumerate(mean[1:], start=2):
        foreground += of_class
        labels[of_class > greatest] = label
        np.maximum(greatest, of_class, out=greatest)
    labels[~(foreground >= threshold)] = 0
    return labels
