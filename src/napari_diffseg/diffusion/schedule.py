"""Noise schedules: what samplers and objectives ask of one."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Float64
from torch import Tensor

Kind = Literal["linear", "cosine", "sigmoid"]


@runtime_checkable
class Schedule(Protocol):
    """How much of the mask is left at time t in [0, 1], 0 clean and 1 noise; float64 on the CPU."""

    def alpha_bar(self, t: float) -> Float64[Tensor, ""]:
        """The share of the mask's variance kept at time `t`."""
        ...

    def alpha_bars(self, times: Float[Tensor, " item"]) -> Float64[Tensor, " item"]:
        """`alpha_bar` for a batch of times."""
        ...

    def times(self, steps: int) -> list[float]:
        """`steps` times from noise to nearly clean, then 0: one network call between each pair."""
        ...


def log_snr(alpha_bar: Float64[Tensor, "*any"]) -> Float64[Tensor, "*any"]:
    """Log signal-to-noise ratio, log ᾱ / (1 − ᾱ) (Kingma et al. 2021, eq. 3); large when clean."""
    return torch.logit(alpha_bar)


def over(coefficient: Float64[Tensor, "*item"], like: Float[Tensor, ...]) -> Float[Tensor, ...]:
    """A number, or one number an item, shaped and cast to multiply `like`."""
    return coefficient.reshape(*coefficient.shape, *(1,) * (like.ndim - coefficient.ndim)).to(like)
