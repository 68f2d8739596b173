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
    """Standard normal fields for some members of an ensemble.

    Drawn on the CPU from (seed, member, step), so that a member does not depend on the batch, on the
    device, or on how many others there are.

    Args:
        seed: of the ensemble.
        members: the numbers of the members in this batch, from 0.
        shape: (class, *space) of one member's field.
        device: where the fields are wanted.
    """

    seed: int
    members: Sequence[int]
    shape: tuple[int, ...]
    device: torch.device = field(default_factory=partial(torch.device, "cpu"))

    def at(self, step: int) -> Float[Tensor, "member class *space"]:
        """The fields of one step: 0 is where sampling starts, k is added after the k-th network call."""
        if self.device.type == "meta":  # planning asks for shapes alone
            return torch.empty((len(self.members), *self.shape), device=self.device)
        fields = [self._field(member, step) for member in self.members]
        return torch.stack(fields).to(self.device, non_blocking=True)

    def _field(self, member: int, step: int) -> Float[Tensor, "class *space"]:
        generator = np.random.default_rng(np.random.SeedSequence([self.seed, member, step]))
        return torch.from_numpy(generator.standard_normal(self.shape, dtype=np.float32))
