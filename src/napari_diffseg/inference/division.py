"""How the members of a run are divided into batches for the network, and put together again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.volume.grid import Box


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes through the sampler at once.

    Args:
        members: their numbers.
        slab: which slices of each, for a network for slices; a volume counts as its own only one.
    """

    members: range
    slab: range = range(1)

    @property
    def items(self) -> int:
        """That the network gets in one call."""
        return len(self.members) * len(self.slab)


def per_batch(items: int, slices: int) -> tuple[int, int]:
    """Members in a batch, and slices of each; several members only with all their slices.

    Args:
        items: that the network gets at once.
        slices: of a member; 1 for a volume.
    """
    return max(1, items // slices), min(items, slices)


@runtime_checkable
class Division(Protocol):
    """Whole members (`ByMember`) or slices of them (`BySlice`)."""

    @property
    def drawn(self) -> int:
        """How many slices of the member being drawn are finished."""
        ...

    def next(self, done: int, at_once: int) -> Batch:
        """The next batch after `done` members, of at most so many items."""
        ...

    def image(self, batch: Batch, device: torch.device) -> Float[Tensor, "item channel *space"]:
        """What the network gets of the scan."""
        ...

    def noise(self, batch: Batch, seed: int, channels: int, device: torch.device) -> NoiseSource:
        """The batch's own fields."""
        ...

    def region(self, batch: Batch) -> Box:
        """The voxels of the scan that a preview of the batch covers."""
        ...

    def preview(
        self, batch: Batch, soft: Float[Tensor, "slice foreground *space"]
    ) -> Float[Tensor, "foreground d h w"] | None:
        """The batch's first member on the voxels of `region`; None where that would show nothing."""
        ...

    def finish(
        self, batch: Batch, soft: Float[Tensor, "item foreground *space"]
    ) -> list[Float[Tensor, "foreground d h w"]]:
        """Take a finished batch; gives the members that are whole by now, on the voxels of the box."""
        ...
