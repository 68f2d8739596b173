"""Noise that is addressed, not consumed: a member's draws depend on its number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class NoiseSource:
    """Standard normal fields for some members of an ensemble, or for some slices of a member.

    Drawn on the CPU from (seed, member, step) or (seed, member, step, slice), so that a member does not
    depend on the batch, on the device, or on how many others there are.

    Args:
        seed: of the ensemble.
        members: the member that each item of this batch belongs to, from 0; items of one member are its
            slices and share one field.
        shape: (class, *space) of one item's field.
        device: where the fields are wanted.
        slices: the number of each item's slice in the whole scan, where each is to have a field of its own.
    """

    seed: int
    members: Sequence[int]
    shape: tuple[int, ...]
    device: torch.device = field(default_factory=partial(torch.device, "cpu"))
    slices: Sequence[int] | None = None

    def at(self, step: int) -> Float[Tensor, "item class *space"]:
        """The fields of one step: 0 is where sampling starts, k is added after the k-th network call."""
        if self.device.type == "meta":  # planning asks for shapes alone
            return torch.empty((len(self.members), *self.shape), device=self.device)
        addresses = self._addresses(step)
        distinct = list(dict.fromkeys(addresses))
        fields = torch.stack([self._field(address) for address in distinct])
        fields = fields.to(self.device, non_blocking=True)
        return fields if len(distinct) == len(addresses) else fields[[distinct.index(a) for a in addresses]]

    def _addresses(self, step: int) -> list[tuple[int, ...]]:
        if self.slices is None:
            return [(self.seed, member, step) for member in self.members]
        pairs = zip(self.members, self.slices, strict=True)
        return [(self.seed, member, step, number) for member, number in pairs]

    def _field(self, address: tuple[int, ...]) -> Float[Tensor, "class *space"]:
        generator = np.random.default_rng(np.random.SeedSequence(address))
        return torch.from_numpy(generator.standard_normal(self.shape, dtype=np.float32))
