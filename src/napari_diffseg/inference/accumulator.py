"""Mean and variance of soft members as they come."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


class Accumulator:
    """Running mean and population variance per voxel and class (Welford 1962), on the members' device."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(())
        self._squares = torch.zeros(())

    def add(self, soft: Float[Tensor, "class D H W"]) -> None:
        """Take in one more member."""
        self.count += 1
        if self.count == 1:
            self.mean, self._squares = soft.clone(), torch.zeros_like(soft)
            return
        before = soft - self.mean
        self.mean += before / self.count
        self._squares += before * (soft - self.mean)

    @property
    def variance(self) -> Float[Tensor, "class D H W"] | None:
        """Divided by the number of members; not defined for one."""
        return self._squares / self.count if self.count > 1 else None


def hard(soft: Float[Tensor, "class D H W"]) -> UInt8[Tensor, "D H W"]:
    """Label map of a soft member: argmax with background, or ≥ 0.5 when there is one class."""
    if len(soft) == 1:
        return (soft[0] >= 0.5).to(torch.uint8)
    best = 1 - soft.sum(dim=0)  # background, which keeps a tie as argmax would
    labels = torch.zeros_like(best, dtype=torch.uint8)
    for label, probability in enumerate(soft, start=1):
        labels = torch.where(probability > best, label, labels)
        best = torch.maximum(best, probability)
    return labels.to(torch.uint8)
