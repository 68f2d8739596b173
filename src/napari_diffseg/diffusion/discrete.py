"""A discrete training chain, whose betas stand in a table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from napari_diffseg.diffusion.continuous import sigmoid_signal
from napari_diffseg.diffusion.respacing import spread
from napari_diffseg.diffusion.schedule import Kind

_LARGEST_BETA = 0.999


@dataclass(frozen=True)
class DiscreteSchedule:
    """A chain of noising steps (Ho et al. 2020, §2).

    t = 0 is the clean mask, t = (i + 1) / train_steps the chain's index i. Betas between kept times
    follow from alpha_bar alone (Nichol and Dhariwal 2021, eq. 19), so respacing is a choice of times.

    Args:
        train_steps: length of the chain.
        kind: beta grows linearly (Ho et al. 2020, §4); or alpha_bar follows a squared cosine (Nichol and
            Dhariwal 2021, eq. 17) or a sigmoid (Jabri et al. 2023, appendix B), betas cut at 0.999.
        beta_start: variance added by the first step of a linear chain.
        beta_end: variance added by its last step.
    """

    train_steps: int
    kind: Kind = "linear"
    beta_start: float = 1e-4
    beta_end: float = 0.02

    @classmethod
    def guided(cls, train_steps: int, kind: Kind = "linear") -> DiscreteSchedule:
        """The linear chain of the guided-diffusion family: its ends scale as 1000 / train_steps."""
        scale = 1000 / train_steps
        return cls(train_steps, kind, scale * 1e-4, scale * 0.02)

    @cached_property
    def betas(self) -> Float64[Tensor, " index"]:
        """Variance added by each step."""
        if self.kind == "linear":
            return torch.linspace(self.beta_start, self.beta_end, self.train_steps, dtype=torch.float64)
        ends = torch.arange(self.train_steps + 1, dtype=torch.float64) / self.train_steps
        signal = sigmoid_signal(ends) if self.kind == "sigmoid" else _offset_cosine(ends)
        return (1 - signal[1:] / signal[:-1]).clamp(max=_LARGEST_BETA)

    @cached_property
    def _alpha_bar(self) -> Float64[Tensor, " t"]:
        """Signal kept, with the clean mask's 1 in front (Ho et al. 2020, eq. 4)."""
        return torch.cat([torch.ones(1, dtype=torch.float64), (1 - self.betas).cumprod(0)])

    def alpha_bar(self, t: float) -> Float64[Tensor, ""]:
        """The share of the mask's variance kept at time `t` in [0, 1]; 1 at t = 0."""
        return self._alpha_bar[round(t * self.train_steps)]

    def alpha_bars(self, times: Float[Tensor, " item"]) -> Float64[Tensor, " item"]:
        """`alpha_bar` for a batch of times."""
        return self._alpha_bar[(times.double() * self.train_steps).round().long()]

    def time(self, index: Int64[Tensor, " item"]) -> Float64[Tensor, " item"]:
        """The time of the chain's index."""
        return (index.double() + 1) / self.train_steps

    def index(self, t: float) -> int:
        """The chain's index of a time above 0."""
        return round(t * self.train_steps) - 1

    def times(self, steps: int) -> list[float]:
        """`steps` times spread over the chain with both its ends, noisy first, then 0."""
        return self.times_at(spread(self.train_steps, steps))

    def times_at(self, indices: list[int]) -> list[float]:
        """The times of chosen indices, noisy first, then 0."""
        return [(index + 1) / self.train_steps for index in sorted(indices, reverse=True)] + [0.0]


def _offset_cosine(u: Float64[Tensor, " u"]) -> Float64[Tensor, " u"]:
    """Squared cosine with an offset that keeps the first betas from vanishing."""
    return ((u + 0.008) / 1.008 * torch.pi / 2).cos() ** 2
