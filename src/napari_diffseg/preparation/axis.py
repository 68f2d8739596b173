"""One axis of a box on the scan's voxels and on the prepared ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor

from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.volume.grid import Box, Grid


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Which prepared voxels cover a box along one axis, and where they lie in the scan.

    Prepared voxels are counted from the scan's corner, not the box's, so that one's value does not depend
    on the box.

    Args:
        size: of the scan.
        start: of the box.
        stop: of the box.
        factor: prepared voxels to one of the scan.
    """

    size: int
    start: int
    stop: int
    factor: float

    @property
    def whole(self) -> int:
        """Prepared voxels of the whole scan."""
        return max(1, round(self.size * self.factor))

    @property
    def first(self) -> int:
        """Number of the box's first prepared voxel; both grids share the outer corner."""
        return min(math.floor(self.start * self.factor + 1e-6), self.whole - 1)

    @property
    def last(self) -> int:
        """Number of the prepared voxel after the box's last one."""
        return max(self.first + 1, min(math.ceil(self.stop * self.factor - 1e-6), self.whole))

    @property
    def count(self) -> int:
        """Prepared voxels of the box."""
        return self.last - self.first

    @property
    def region(self) -> slice:
        """The scan's voxels that are needed."""
        at = self._in_scan()
        low = max(0, math.floor(float(at[0])))
        high = min(self.size, math.floor(float(at[-1])) + 2)
        return slice(min(low, high - 1), high)

    @property
    def positions(self) -> Float64[Tensor, " prepared"]:
        """Where each prepared voxel lies among those of `region`."""
        return self._in_scan() - self.region.start

    @property
    def back(self) -> Float64[Tensor, " voxel"]:
        """Where each voxel of the box lies among its prepared ones."""
        voxels = torch.arange(self.start, self.stop, dtype=torch.float64)
        return (voxels + 0.5) * self.factor - 0.5 - self.first

    def coordinates(self, count: int) -> Float[Tensor, " count"]:
        """From −1 at the scan's first prepared voxel to 1 at its last.

        Args:
            count: prepared voxels, from the box's first one on; beyond the scan the line goes on.
        """
        return coordinates(self.first, count, self.whole)

    def _in_scan(self) -> Float64[Tensor, " prepared"]:
        return (torch.arange(self.first, self.last, dtype=torch.float64) + 0.5) / self.factor - 0.5


def coordinates(first: int, count: int, whole: int) -> Float32[Tensor, " {count}"]:
    """Places from number `first` on, −1 at the first of `whole` voxels and 1 at the last.

    Returns:
        −1 throughout for a scan of a single voxel, as `torch.linspace` gives it.
    """
    numbers = torch.arange(first, first + count, dtype=torch.float64)
    return (2 * numbers / (whole - 1) - 1 if whole > 1 else numbers * 0 - 1).float()


def axes_of(preparation: Preparation, grid: Grid, box: Box) -> tuple[Axis, Axis, Axis]:
    """The axes (D, H, W) of a box; factors of 1 where the scan has the spacing wanted, to a thousandth."""
    spacing = preparation.spacing_mm or grid.spacing_mm
    factors = [own / target for own, target in zip(grid.spacing_mm, spacing, strict=True)]
    if all(abs(factor - 1) < 1e-3 for factor in factors):
        factors = [1.0, 1.0, 1.0]
    d, h, w = map(Axis, grid.shape, box.start, box.stop, factors)
    return d, h, w
