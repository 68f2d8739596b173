"""Continuous time: alpha_bar is a function of t."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from napari_diffseg.diffusion.schedule import Kind, log_snr


@dataclass(frozen=True)
class ContinuousSchedule:
    """Signal kept at any time, with input scaling and a bounded signal-to-noise ratio.

    Args:
        kind: squared cosine without offset; linear, whose beta grows linearly (Kingma et al. 2021,
            appendix H); or sigmoid (Jabri et al. 2023, appendix B).
        input_scale: b; masks count b times as much, which shifts the log signal-to-noise ratio by 2 ln b
            (Christensen et al. 2025, §2.2; Chen 2023, §2.2).
        log_snr_range: alpha_bar is stretched so that the log ratio is exactly the second at t = 0 and
            the first at t = 1 (official code of Christensen et al.).
    """

    kind: Kind = "cosine"
    input_scale: float = 1.0
    log_snr_range: tuple[float, float] = (-20.0, 20.0)

    def alpha_bar(self, t: float) -> Float64[Tensor, ""]:
        """The share of the mask's variance kept at time `t` in [0, 1]."""
        return self.alpha_bars(torch.tensor([t], dtype=torch.float64))[0]

    def alpha_bars(self, times: Float[Tensor, " item"]) -> Float64[Tensor, " item"]:
        """`alpha_bar` for a batch of times."""
        ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
        first, last = self._scaled(ends).unbind()
        low, high = torch.tensor(self.log_snr_range, dtype=torch.float64).sigmoid().unbind()
        return low + (high - low) * (self._scaled(times.double()) - last) / (first - last)

    def log_snr_slope(self, times: Float[Tensor, " item"]) -> Float64[Tensor, " item"]:
        """The derivative of the log signal-to-noise ratio by t; below 0."""
        with torch.enable_grad():
            t = times.double().requires_grad_()
            (slope,) = torch.autograd.grad(log_snr(self.alpha_bars(t)).sum(), t)
        return slope

    def times(self, steps: int) -> list[float]:
        """Evenly spaced times from 1, then 0 (Christensen et al. 2025, §2.2)."""
        return [step / steps for step in range(steps, -1, -1)]

    def _scaled(self, t: Float64[Tensor, " t"]) -> Float64[Tensor, " t"]:
        signal, b2 = _SIGNALS[self.kind](t), self.input_scale**2
        return b2 * signal / ((b2 - 1) * signal + 1)


def sigmoid_signal(t: Float64[Tensor, " t"]) -> Float64[Tensor, " t"]:
    """A sigmoid from 1 to 0 over −3 to 3 (Jabri et al. 2023, appendix B: start −3, end 3, τ 1)."""
    ends = torch.sigmoid(torch.tensor([-3.0, 3.0], dtype=torch.float64))
    return (ends[1] - torch.sigmoid(6 * t - 3)) / (ends[1] - ends[0])


def _cosine(t: Float64[Tensor, " t"]) -> Float64[Tensor, " t"]:
    return (t * torch.pi / 2).cos() ** 2


def _linear(t: Float64[Tensor, " t"]) -> Float64[Tensor, " t"]:
    return torch.exp(-1e-4 - 10 * t**2)


_SIGNALS = {"cosine": _cosine, "linear": _linear, "sigmoid": sigmoid_signal}
