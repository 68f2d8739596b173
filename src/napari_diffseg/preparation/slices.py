"""The slices of a prepared box: what a network for slices sees, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from napari_diffseg.preparation.prepared import Prepared, interpolate
from napari_diffseg.results.options import SliceAxis


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """A prepared box, cut across one axis.

    Slabs are ranges of its slices, counted from the box's first prepared one. Along the other two axes a
    slice is padded as the box is.

    Args:
        prepared: the box.
        axis: (0, 1, 2) for (D, H, W).
    """

    prepared: Prepared
    axis: SliceAxis

    @property
    def count(self) -> int:
        """How many there are."""
        return self.prepared.shape[self.axis]

    def images(self, slab: range) -> Float32[Tensor, "slice channel height width"]:
        """Some of them, as the network takes them."""
        return self.of(self.prepared.image)[slab.start : slab.stop]

    def of(self, values: Float[Tensor, "any D H W"]) -> Float[Tensor, "slice any height width"]:
        """A view of any map on the prepared voxels, slice by slice; writing into it writes the map."""
        return values.movedim(1 + self.axis, 0)

    def numbers(self, slab: range) -> range:
        """Their numbers among the prepared slices of the whole scan, which depend on no box."""
        first = self.prepared.first[self.axis]
        return range(first + slab.start, first + slab.stop)

    def nearest(self) -> Int64[Tensor, " voxel"]:
        """The prepared slice nearest to each slice of the box's own voxels."""
        if self.prepared.positions is None:
            return torch.arange(self.count)
        return self.prepared.positions[self.axis].round().long().clamp(0, self.count - 1)

    def covered(self, slab: range) -> range:
        """The slices of the box's own voxels that are nearest to one of the slab; there may be none."""
        found = [k for k, number in enumerate(self.nearest().tolist()) if number in slab]
        return range(found[0], found[-1] + 1) if found else range(0)

    def restore(
        self, values: Float[Tensor, "slice any height width"], slab: range
    ) -> Float[Tensor, "any d h w"]:
        """Bring maps on a slab back to the voxels of `covered(slab)`: nearest across it, linear within."""
        covered = self.covered(slab)
        wanted = self.nearest()[covered.start : covered.stop] - slab.start
        restored = values[wanted.to(values.device)].movedim(0, 1 + self.axis)
        inside = [slice(None), *(slice(0, size) for size in self.prepared.shape)]
        inside[1 + self.axis] = slice(None)
        restored = restored[tuple(inside)]
        if self.prepared.positions is None:
            return restored
        d, h, w = (
            torch.arange(len(covered), dtype=torch.float64) if axis == self.axis else at
            for axis, at in enumerate(self.prepared.positions)
        )
        return interpolate(restored, (d, h, w))
