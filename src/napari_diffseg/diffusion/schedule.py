"""Noise schedules: how much of the mask is left at time t."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float64
from torch import Tensor


@dataclass(frozen=True)
class LinearSchedule:
    """A discrete chain whose beta grows linearly (Ho et al. 2020, §4).

    Time runs in [0, 1]: t = 0 is the clean mask, t = (i + 1) / train_steps is the chain's index i.
    Everything is float64 on the CPU.

    Args:
        train_steps: length of the chain.
        beta_start: variance added by the first step.
        beta_end: variance added by the last step.
    """

    train_steps: int
    beta_start: float = 1e-4
    beta_end: float = 0.02

    @cached_property
    def _alpha_bar(self) -> Float64[Tensor, " t"]:
        """Signal kept, with the clean mask's 1 in front (Ho et al. 2020, eq. 4)."""
        beta = torch.linspace(self.beta_start, self.beta_end, self.train_steps, dtype=torch.float64)
        return torch.cat([torch.ones(1, dtype=torch.float64), (1 - beta).cumprod(0)])

    def alpha_bar(self, t: float) -> Float64[Tensor, ""]:
        """The share of the mask's variance kept at time `t` in [0, 1]; 1 at t = 0."""
        return self._alpha_bar[round(t * self.train_steps)]

    def alpha_bars(self, times: Float64[Tensor, " member"]) -> Float64[Tensor, " member"]:
        """`alpha_bar` for a batch of times."""
        return self._alpha_bar[(times * self.train_steps).round().long()]

    def times(self, steps: int) -> list[float]:
        """`steps` times from noise to nearly clean, then 0: variance resampling.

        Indices are spread evenly and keep both ends of the chain (ImgX-DiffSeg §3.2: 0, 250, 500, 750,
        1000 for five steps of 1001), so the betas between them follow from alpha_bar alone
        (Nichol and Dhariwal 2021, eq. 19). One step is a single call at the noisy end.
        """
        last = self.train_steps - 1
        indices = [round(last * k / max(1, steps - 1)) for k in range(steps)] if steps > 1 else [last]
        return [(index + 1) / self.train_steps for index in reversed(indices)] + [0.0]
