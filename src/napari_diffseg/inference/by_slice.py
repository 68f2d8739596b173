"""Batches of neighbouring slices of one member, or of all slices of several, for networks for slices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.inference.division import Batch, per_batch
from napari_diffseg.preparation.slices import Slices
from napari_diffseg.volume.grid import Box, Shape


@dataclass(eq=False)
class BySlice:
    """A `Division` of a run into slabs, from the slice in view outwards.

    Slices are drawn from the same noise unless each is to have its own: independent ones flicker between
    answers, and their volumes look too certain.

    Args:
        slices: of the prepared box.
        box: the voxels of the scan.
        members: in all.
        start: slice of the scan to begin with, along the slice axis; None for the box's middle one.
        own_noise: whether each slice has noise of its own.
    """

    slices: Slices
    box: Box
    members: int
    start: int | None = None
    own_noise: bool = False
    _drawn: range = range(0)
    _soft: Tensor = field(default_factory=lambda: torch.zeros(()))

    @property
    def drawn(self) -> int:
        """How many slices of the member being drawn are finished."""
        return len(self._drawn)

    def next(self, done: int, at_once: int) -> Batch:
        """A slab of the member after those that are done, or of some members where it is all of each."""
        members, slices = per_batch(at_once, self.slices.count)
        slab = next_slab(self._drawn, start=self._first(), count=self.slices.count, most=slices)
        return Batch(range(done, min(done + members, self.members)), slab)

    def image(self, batch: Batch, device: torch.device) -> Float[Tensor, "item channel height width"]:
        """The slab, for each member."""
        return self.slices.images(batch.slab).to(device).repeat(len(batch.members), 1, 1, 1)

    def noise(self, batch: Batch, seed: int, channels: int, device: torch.device) -> NoiseSource:
        """One field for all slices of a member, or one each."""
        shape = (channels, *self.slices.images(range(1)).shape[2:])
        members = [member for member in batch.members for _ in batch.slab]
        own = [*self.slices.numbers(batch.slab)] * len(batch.members) if self.own_noise else None
        return NoiseSource(seed, members, shape, device, own)

    def region(self, batch: Batch) -> Box:
        """The slab on the scan; the whole box where no slice of the scan is nearest to it."""
        covered = self.slices.covered(batch.slab)
        if not covered:
            return self.box
        start, stop = list(self.box.start), list(self.box.stop)
        start[self.slices.axis] = self.box.start[self.slices.axis] + covered.start
        stop[self.slices.axis] = self.box.start[self.slices.axis] + covered.stop
        return Box(cast(Shape, tuple(start)), cast(Shape, tuple(stop)))

    @torch.inference_mode()
    def preview(
        self, batch: Batch, soft: Float[Tensor, "slice foreground height width"]
    ) -> Float[Tensor, "foreground d h w"] | None:
        """The slab on the scan; None where no slice of the scan is nearest to it."""
        return self.slices.restore(soft, batch.slab).clamp(0, 1) if self.slices.covered(batch.slab) else None

    @torch.inference_mode()
    def finish(
        self, batch: Batch, soft: Float[Tensor, "item foreground height width"]
    ) -> list[Float[Tensor, "foreground d h w"]]:
        """The members whose last slab this is."""
        return [whole for slab in soft.split(len(batch.slab)) for whole in self._joined(batch.slab, slab)]

    def _joined(
        self, slab: range, soft: Float[Tensor, "slice foreground height width"]
    ) -> Iterator[Float[Tensor, "foreground d h w"]]:
        """The member being drawn, if it is whole with this slab."""
        if not self._drawn:
            self._soft = soft.new_empty((soft.shape[1], *self.slices.prepared.image.shape[1:]))
        self.slices.of(self._soft)[slab.start : slab.stop] = soft
        drawn = self._drawn or slab
        self._drawn = range(min(drawn.start, slab.start), max(drawn.stop, slab.stop))
        if len(self._drawn) == self.slices.count:
            self._drawn = range(0)
            yield self.slices.prepared.restore(self._soft).clamp(0, 1)

    def _first(self) -> int:
        """The prepared slice in view, or the middle one."""
        nearest = self.slices.nearest().tolist()
        wanted = len(nearest) // 2 if self.start is None else self.start - self.box.start[self.slices.axis]
        return int(nearest[max(0, min(wanted, len(nearest) - 1))])


def next_slab(drawn: range, *, start: int, count: int, most: int) -> range:
    """The slices to draw next, from the one in view outwards.

    Args:
        drawn: those drawn so far, which lie together around `start`; empty before the first.
        start: the slice in view.
        count: slices in all.
        most: at once.

    Returns:
        Around `start` at first, then beyond that end of `drawn` which is nearer to `start`.
    """
    if not drawn:
        first = max(0, min(start - (most - 1) // 2, count - most))
        return range(first, min(first + most, count))
    above, below = drawn.stop - start, start - drawn.start + 1
    if drawn.stop < count and (drawn.start == 0 or above <= below):
        return range(drawn.stop, min(drawn.stop + most, count))
    return range(max(0, drawn.start - most), drawn.start)
