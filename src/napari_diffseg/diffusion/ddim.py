"""Denoising diffusion implicit models: fewer steps, and none of them random at eta = 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.schedule import Schedule
from napari_diffseg.diffusion.state import Denoise, State


@torch.no_grad()  # on the function; a `with` around the yield would leak into the caller
def ddim(
    denoise: Denoise,
    schedule: Schedule,
    x_t: Float[Tensor, "member class *space"],
    times: Sequence[float],
    *,
    noise: NoiseSource,
    eta: float = 0.0,
) -> Iterator[State]:
    """One State a network call, from noise to mask (Song et al. 2021, eq. 12 and 16).

    Args:
        denoise: the network.
        schedule: how much signal each time keeps.
        x_t: standard normal noise.
        times: from noisy to clean; one network call between each pair.
        noise: of the following steps; not drawn when eta is 0.
        eta: 0 makes the start decide everything, 1 has the variance of ancestral sampling.
    """
    for step, (t, s) in enumerate(pairwise(times), start=1):
        alpha_bar_t, alpha_bar_s = schedule.alpha_bar(t), schedule.alpha_bar(s)
        said = denoise(x_t, t)
        step_std = eta * ((1 - alpha_bar_s) / (1 - alpha_bar_t) * (1 - alpha_bar_t / alpha_bar_s)).sqrt()
        kept = (1 - alpha_bar_s - step_std**2).clamp(min=0).sqrt()
        x_t = alpha_bar_s.sqrt() * said.x0 + kept * said.noise_hat
        if s > 0 and eta > 0:
            x_t = x_t + step_std * noise.at(step)
        yield State(step, len(times) - 1, s, x_t, said.x0)
