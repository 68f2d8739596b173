"""Ancestral sampling: the reverse chain of a denoising diffusion probabilistic model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.schedule import LinearSchedule
from napari_diffseg.diffusion.state import Denoise, State


@torch.no_grad()  # on the function; a `with` around the yield would leak into the caller
def ddpm(
    denoise: Denoise,
    schedule: LinearSchedule,
    x_t: Float[Tensor, "member class *space"],
    times: Sequence[float],
    *,
    noise: NoiseSource,
    variance: Literal["small", "large"] = "small",
) -> Iterator[State]:
    """One State a network call, from noise to mask (Ho et al. 2020, eq. 6, 7 and §3.2).

    | here | paper |
    | --- | --- |
    | alpha_bar_t, alpha_bar_s | ᾱ_t, ᾱ_{t−1} |
    | beta | β_t, which is 1 − ᾱ_t / ᾱ_{t−1} on the kept times |

    Args:
        denoise: the network as x0 of (x_t, t).
        schedule: how much signal each time keeps.
        x_t: standard normal noise.
        times: from noisy to 0; one network call between each pair.
        noise: of the following steps.
        variance: of a reverse step, "small" is β̃_t and "large" is β_t.
    """
    for step, (t, s) in enumerate(pairwise(times), start=1):
        alpha_bar_t, alpha_bar_s = schedule.alpha_bar(t), schedule.alpha_bar(s)
        beta = 1 - alpha_bar_t / alpha_bar_s
        x0 = denoise(x_t, t)
        from_x0 = alpha_bar_s.sqrt() * beta / (1 - alpha_bar_t)
        from_x_t = (alpha_bar_t / alpha_bar_s).sqrt() * (1 - alpha_bar_s) / (1 - alpha_bar_t)
        x_t = from_x0 * x0 + from_x_t * x_t
        if s > 0:
            step_variance = beta * (1 - alpha_bar_s) / (1 - alpha_bar_t) if variance == "small" else beta
            x_t = x_t + step_variance.sqrt() * noise.at(step)
        yield State(step, len(times) - 1, s, x_t, x0)
