"""Ancestral sampling: the reverse chain of a denoising diffusion probabilistic model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.posterior import Posterior, learned_log_variance
from napari_diffseg.diffusion.schedule import Schedule
from napari_diffseg.diffusion.state import Denoise, State
from napari_diffseg.diffusion.target import Denoised

Variance = Literal["small", "large", "learned"]


@torch.no_grad()  # on the function; a `with` around the yield would leak into the caller
def ddpm(
    denoise: Denoise,
    schedule: Schedule,
    x_t: Float[Tensor, "member class *space"],
    times: Sequence[float],
    *,
    noise: NoiseSource,
    variance: Variance = "small",
) -> Iterator[State]:
    """One State a network call, from noise to mask (Ho et al. 2020, eq. 6, 7 and §3.2).

    Args:
        denoise: the network.
        schedule: how much signal each time keeps.
        x_t: standard normal noise.
        times: from noisy to clean; one network call between each pair.
        noise: of the following steps.
        variance: of a reverse step: β̃ ("small"), β ("large"), or between them as the network says.
    """
    for step, (t, s) in enumerate(pairwise(times), start=1):
        posterior = Posterior(schedule.alpha_bar(t), schedule.alpha_bar(s))
        said = denoise(x_t, t)
        x_t = posterior.mean(said.x0, x_t)
        if s > 0:
            x_t = x_t + _step_std(variance, posterior, said) * noise.at(step)
        yield State(step, len(times) - 1, s, x_t, said.x0)


def _step_std(variance: Variance, posterior: Posterior, said: Denoised) -> Tensor:
    if variance == "learned":
        assert said.spread is not None
        return (learned_log_variance(said.spread, posterior.variance, posterior.beta) / 2).exp()
    return (posterior.variance if variance == "small" else posterior.beta).sqrt()
