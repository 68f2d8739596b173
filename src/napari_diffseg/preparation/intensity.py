"""Intensities as a network takes them, measured over the domain of the rule."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Real

from napari_diffseg.errors import PreparationError
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.volume.grid import Box


def normalised(
    preparation: Preparation,
    channel: Real[np.ndarray, "D H W"],
    region: tuple[slice, slice, slice],
    box: Box,
    name: str,
) -> Float32[np.ndarray, "d h w"]:
    """A region of a channel, brought to the intensities of the rule.

    Args:
        preparation: the rule.
        channel: of the whole scan.
        region: the voxels wanted.
        box: chosen by the person; what "box" as the domain measures.
        name: of the channel, for errors.

    Raises:
        PreparationError: the domain holds values that are not numbers, or only one value.
    """
    measured = channel[box.slices] if preparation.domain == "box" else channel
    values = measured[_domain(preparation, measured)].astype(np.float32)
    if not np.isfinite(values).all():
        raise PreparationError(
            f"Channel “{name}” holds {np.count_nonzero(~np.isfinite(values))} voxels that are not numbers "
            "(NaN or infinite). Replace them by the background's value and open the scan again."
        )
    low, high = np.percentile(values, preparation.percentiles or (0, 100)).tolist()
    if not high > low:
        raise PreparationError(
            f"Channel “{name}” has the same value, {low:g}, in nearly every voxel, so there is nothing to "
            "segment. Check that the right series was opened."
        )
    wanted = channel[region].astype(np.float32)
    if preparation.intensity == "as-is" and preparation.percentiles is None:
        return wanted
    wanted = np.clip(wanted, low, high)
    if preparation.intensity == "as-is":
        return wanted
    if preparation.intensity == "z-score":
        clipped = np.clip(values, low, high)
        centre, width = float(clipped.mean(dtype=np.float64)), float(clipped.std(dtype=np.float64))
        return (wanted - np.float32(centre)) / np.float32(width)
    lowest, highest = preparation.range
    share = (wanted - np.float32(low)) / np.float32(high - low)
    return share * np.float32(highest - lowest) + np.float32(lowest)


def _domain(preparation: Preparation, values: Real[np.ndarray, "D H W"]) -> Bool[np.ndarray, "D H W"]:
    """The voxels that intensities are measured over; a scan without any non-zero voxel counts whole."""
    nonzero = values != 0
    if preparation.domain != "nonzero" or not nonzero.any():
        return np.ones(values.shape, dtype=bool)
    return nonzero
