"""DPM-Solver++ 2M: second order from the estimate before, one network call a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from napari_diffseg.diffusion.schedule import Schedule, log_snr
from napari_diffseg.diffusion.state import Denoise, State


@torch.no_grad()  # on the function; a `with` around the yield would leak into the caller
def dpm_solver(
    denoise: Denoise,
    schedule: Schedule,
    x_t: Float[Tensor, "member class *space"],
    times: Sequence[float],
) -> Iterator[State]:
    """One State a network call (Lu et al. 2022, arXiv:2211.01095, algorithm 2). No noise but the start.

    | here | paper |
    | --- | --- |
    | half_snr | λ, half the log signal-to-noise ratio |
    | h, h_before | h_i, h_{i−1} |

    The first step is of first order, and so is one to a clean mask, where λ is infinite: it gives x0.

    Args:
        denoise: the network.
        schedule: how much signal each time keeps.
        x_t: standard normal noise.
        times: from noisy to clean; one network call between each pair.
    """
    x0_before, h_before = None, torch.inf
    for step, (t, s) in enumerate(pairwise(times), start=1):
        alpha_bar_t, alpha_bar_s = schedule.alpha_bar(t), schedule.alpha_bar(s)
        x0 = denoise(x_t, t).x0
        h = float((log_snr(alpha_bar_s) - log_snr(alpha_bar_t)) / 2)
        estimate = x0 if x0_before is None or s == 0 else x0 + h / (2 * h_before) * (x0 - x0_before)
        noise_kept = ((1 - alpha_bar_s) / (1 - alpha_bar_t)).sqrt()
        gained = -torch.expm1(torch.tensor(-h, dtype=torch.float64))
        x_t = noise_kept * x_t + alpha_bar_s.sqrt() * gained * estimate
        x0_before, h_before = x0, h
        yield State(step, len(times) - 1, s, x_t, x0)
