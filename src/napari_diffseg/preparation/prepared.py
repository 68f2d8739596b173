"""A box of a scan as the network takes it, and the way back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, UInt8
from torch import Tensor
from torch.nn import functional as F

from napari_diffseg.preparation.axis import Axis, axes_of
from napari_diffseg.preparation.intensity import normalised
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.volume.grid import Box, Grid, Shape
from napari_diffseg.volume.scan import Scan

Axes = tuple[Axis, Axis, Axis]
Positions = tuple[Float[Tensor, " d"], Float[Tensor, " h"], Float[Tensor, " w"]]
One = TypeVar("One")


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """The network's input for one box.

    Args:
        image: prepared channels, padded; the coordinates last where they were wanted.
        shape: voxels along (D, H, W) before padding.
        positions: where the box's voxels lie among the prepared ones, an index per voxel and axis;
            None when the prepared grid is the scan's.
        first: number of the first prepared voxel among those of the whole scan, along (D, H, W).
    """

    image: Float32[Tensor, "channel D H W"]
    shape: Shape
    positions: Positions | None
    first: Shape

    def restore(self, values: Float[Tensor, "*any D H W"]) -> Float[Tensor, "*any d h w"]:
        """Bring a map on the prepared voxels back to the voxels of the box."""
        d, h, w = self.shape
        values = values[..., :d, :h, :w]
        return values if self.positions is None else interpolate(values, self.positions)


def prepare(
    preparation: Preparation,
    scan: Scan,
    box: Box,
    *,
    slices: bool = False,
    coordinates: bool = False,
    divisor: int = 1,
) -> Prepared:
    """The network's input for `box` of `scan`.

    Args:
        preparation: the rule.
        scan: whole.
        box: inside it.
        slices: whether the network takes slices; their number is then not padded.
        coordinates: whether each voxel's place in the whole prepared scan is wanted, as three more channels
            along D, H and W: −1 at the first voxel, 1 at the last, and on along that line in the padding.
        divisor: of the network; sizes become multiples of it and of the rule's own `multiple`.

    Raises:
        PreparationError: a channel holds values that are not numbers, or only one value.
    """
    axes = axes_of(preparation, scan.grid, box)
    resampled = any(axis.factor != 1 for axis in axes)
    region = _triple(axis.region for axis in axes) if resampled else box.slices
    channels = [
        normalised(preparation, channel, region, box, name)
        for channel, name in zip(scan.data, scan.channels, strict=True)
    ]
    image = torch.from_numpy(np.stack(channels))
    if resampled:
        image = interpolate(image, _triple(axis.positions for axis in axes))
    size = _padded_size(preparation, axes, slices=slices, divisor=divisor)
    image = _padded(image, size, preparation.padding)
    return Prepared(
        torch.cat([image, _coordinates(axes, size)]) if coordinates else image,
        _triple(axis.count for axis in axes),
        _triple(axis.back for axis in axes) if resampled else None,
        _triple(axis.first for axis in axes),
    )


def prepare_labels(
    preparation: Preparation, labels: UInt8[np.ndarray, "D H W"], grid: Grid
) -> UInt8[np.ndarray, "d h w"]:
    """Labels of a whole scan on its prepared voxels, before padding.

    Each takes the nearest one's. Of several that are equally near, as at twice the spacing, the majority
    decides, and the lowest label where that is even: taking always the same side would move the mask.
    """
    axes = axes_of(preparation, grid, Box.whole(grid.shape))
    if all(axis.factor == 1 for axis in axes):
        return labels
    positions = _triple(_to_nearest(axis.positions) for axis in axes)
    region = labels[_triple(axis.region for axis in axes)]
    chosen = np.zeros([axis.count for axis in axes], dtype=np.uint8)
    most = np.zeros(chosen.shape, dtype=np.float32)
    for label in np.unique(region):
        share = interpolate(torch.from_numpy((region == label).astype(np.float32)), positions).numpy()
        chosen[share > most] = label
        most = np.maximum(most, share)
    return chosen


def prepared_shape(
    preparation: Preparation, scan: Scan, box: Box, *, slices: bool = False, divisor: int = 1
) -> Shape:
    """The padded size that `prepare` would give, without touching the data."""
    return _padded_size(preparation, axes_of(preparation, scan.grid, box), slices=slices, divisor=divisor)


def interpolate(values: Float[Tensor, "*any D H W"], positions: Positions) -> Float[Tensor, "*any d h w"]:
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


def _to_nearest(positions: Float64[Tensor, " voxel"]) -> Float64[Tensor, " voxel"]:
    """Whole numbers, but for those that lie in the middle between two."""
    is_between = (positions % 1 - 0.5).abs() < 1e-6
    return torch.where(is_between, positions, positions.round())


def _padded_size(preparation: Preparation, axes: Axes, *, slices: bool, divisor: int) -> Shape:
    multiple = math.lcm(preparation.multiple, divisor)
    multiples = [multiple] * 3
    if slices:
        multiples[preparation.slice_axis] = 1
    return _triple(m * math.ceil(axis.count / m) for m, axis in zip(multiples, axes, strict=True))


def _padded(
    image: Float32[Tensor, "channel D H W"], size: Shape, value: float
) -> Float32[Tensor, "channel _ _ _"]:
    missing = [
        wanted - there for wanted, there in zip(reversed(size), reversed(image.shape[1:]), strict=True)
    ]
    return F.pad(image, [amount for end in missing for amount in (0, end)], value=value)


def _coordinates(axes: Axes, size: Shape) -> Float32[Tensor, "3 D H W"]:
    lines = [axis.coordinates(count) for axis, count in zip(axes, size, strict=True)]
    return torch.stack(torch.meshgrid(*lines, indexing="ij"))


def _triple(values: Iterable[One]) -> tuple[One, One, One]:
    d, h, w = values
    return d, h, w
