"""A box of a scan as the network takes it, and the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Real
from torch import Tensor
from torch.nn import functional as F

from napari_diffseg.errors import PreparationError
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.volume.grid import Box, Shape
from napari_diffseg.volume.scan import Scan


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """The network's input for one box.

    Args:
        image: prepared channels, padded.
        shape: voxels along (D, H, W) before padding.
        positions: where the box's voxels lie among the prepared ones, an index per voxel and axis;
            None when the prepared grid is the scan's.
    """

    image: Float32[Tensor, "channel D H W"]
    shape: Shape
    positions: tuple[Float[Tensor, " d"], Float[Tensor, " h"], Float[Tensor, " w"]] | None

    def restore(self, values: Float[Tensor, "*any D H W"]) -> Float[Tensor, "*any d h w"]:
        """Bring a map on the prepared voxels back to the voxels of the box."""
        d, h, w = self.shape
        values = values[..., :d, :h, :w]
        return values if self.positions is None else interpolate(values, self.positions)


def prepare(preparation: Preparation, scan: Scan, box: Box) -> Prepared:
    """The network's input for `box` of `scan`.

    Raises:
        PreparationError: a channel holds values that are not numbers, or only one value.
    """
    spacing = preparation.spacing_mm or scan.grid.spacing_mm
    factors = tuple(own / target for own, target in zip(scan.grid.spacing_mm, spacing, strict=True))
    region, positions, back = _sampling(scan.grid.shape, box, factors)
    channels = [
        _normalised(preparation, channel, region, box, name)
        for channel, name in zip(scan.data, scan.channels, strict=True)
    ]
    image = torch.from_numpy(np.stack(channels))
    if positions is not None:
        image = interpolate(image, positions)
    shape = (image.shape[1], image.shape[2], image.shape[3])
    return Prepared(_padded(image, preparation.multiple), shape, back)


def prepared_shape(preparation: Preparation, scan: Scan, box: Box) -> Shape:
    """The padded size that `prepare` would give, without touching the data."""
    spacing = preparation.spacing_mm or scan.grid.spacing_mm
    factors = tuple(own / target for own, target in zip(scan.grid.spacing_mm, spacing, strict=True))
    sizes = [
        stop - start
        for start, stop in (
            _target_range(n, a, b, f)
            for n, a, b, f in zip(scan.grid.shape, box.start, box.stop, factors, strict=True)
        )
    ]
    d, h, w = (preparation.multiple * math.ceil(size / preparation.multiple) for size in sizes)
    return d, h, w


def interpolate(
    values: Float[Tensor, "*any D H W"],
    positions: tuple[Float[Tensor, " d"], Float[Tensor, " h"], Float[Tensor, " w"]],
) -> Float[Tensor, "*any d h w"]:
    """Linear interpolation at fractional indices, an axis at a time; outside, the edge's value."""
    for axis, at in zip((-3, -2, -1), positions, strict=True):
        last = values.shape[axis] - 1
        at = at.to(values.device).clamp(0, last)
        low = at.floor().long()
        share = (at - low).to(values.dtype).reshape(-1, *(1,) * (-1 - axis))
        below = values.index_select(axis, low)
        above = values.index_select(axis, (low + 1).clamp(max=last))
        values = below + share * (above - below)
    return values


def _target_range(size: int, start: int, stop: int, factor: float) -> tuple[int, int]:
    """The target voxels that cover scan voxels `start` to `stop`; both grids share the outer corner."""
    count = max(1, round(size * factor))
    first = min(math.floor(start * factor + 1e-6), count - 1)
    return first, max(first + 1, min(math.ceil(stop * factor - 1e-6), count))


def _sampling(
    shape: Shape, box: Box, factors: tuple[float, ...]
) -> tuple[
    tuple[slice, slice, slice],
    tuple[Tensor, Tensor, Tensor] | None,
    tuple[Tensor, Tensor, Tensor] | None,
]:
    """The scan's voxels that are needed, where the target's voxels lie in them, and the way back.

    Targets are counted from the scan's corner, not the box's, so that a target voxel's value does not
    depend on the box.
    """
    if all(abs(factor - 1) < 1e-3 for factor in factors):
        return box.slices, None, None
    regions, positions, back = [], [], []
    for n, a, b, factor in zip(shape, box.start, box.stop, factors, strict=True):
        first, last = _target_range(n, a, b, factor)
        at = (torch.arange(first, last, dtype=torch.float64) + 0.5) / factor - 0.5
        low = max(0, math.floor(float(at[0])))
        high = min(n, math.floor(float(at[-1])) + 2)
        low = min(low, high - 1)
        regions.append(slice(low, high))
        positions.append(at - low)
        back.append((torch.arange(a, b, dtype=torch.float64) + 0.5) * factor - 0.5 - first)
    d, h, w = regions
    return (d, h, w), (positions[0], positions[1], positions[2]), (back[0], back[1], back[2])


def _normalised(
    preparation: Preparation,
    channel: Real[np.ndarray, "D H W"],
    region: tuple[slice, slice, slice],
    box: Box,
    name: str,
) -> Float32[np.ndarray, "d h w"]:
    """The region's intensities, measured over the domain."""
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
    clipped = np.clip(values, low, high)
    if preparation.intensity == "z-score":
        centre, width = float(clipped.mean(dtype=np.float64)), float(clipped.std(dtype=np.float64))
    else:
        centre, width = float(low), float(high - low)
    return (np.clip(channel[region].astype(np.float32), low, high) - np.float32(centre)) / np.float32(width)


def _domain(preparation: Preparation, values: Real[np.ndarray, "D H W"]) -> Bool[np.ndarray, "D H W"]:
    """The voxels that intensities are measured over; a scan without any non-zero voxel counts whole."""
    nonzero = values != 0
    if preparation.domain != "nonzero" or not nonzero.any():
        return np.ones(values.shape, dtype=bool)
    return nonzero


def _padded(image: Float32[Tensor, "channel D H W"], multiple: int) -> Float32[Tensor, "channel _ _ _"]:
    missing = [-size % multiple for size in reversed(image.shape[1:])]
    return F.pad(image, [amount for end in missing for amount in (0, end)])
