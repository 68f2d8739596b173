"""Heun's second-order method on the probability-flow equation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from napari_diffseg.diffusion.schedule import Schedule
from napari_diffseg.diffusion.state import Denoise, State
from napari_diffseg.diffusion.target import v_from


@torch.no_grad()  # on the function; a `with` around the yield would leak into the caller
def heun(
    denoise: Denoise,
    schedule: Schedule,
    x_t: Float[Tensor, "member class *space"],
    times: Sequence[float],
) -> Iterator[State]:
    """Two network calls between each pair of times, one in the last (Karras et al. 2022, algorithm 1).

    The equation is solved over the angle φ with cos φ = √ᾱ, where it reads dx/dφ = v (Salimans and Ho
    2022, appendix D) and stays bounded at both ends. No noise is drawn but the start.

    Args:
        denoise: the network.
        schedule: how much signal each time keeps.
        x_t: standard normal noise.
        times: from noisy to clean.
    """
    pairs = list(pairwise(times))
    steps = 2 * len(pairs) - 1
    for number, (t, s) in enumerate(pairs):
        alpha_bar_t, alpha_bar_s = schedule.alpha_bar(t), schedule.alpha_bar(s)
        turn = _angle(alpha_bar_s) - _angle(alpha_bar_t)
        said = denoise(x_t, t)
        if number == len(pairs) - 1:
            clean = alpha_bar_s.sqrt() * said.x0 + (1 - alpha_bar_s).sqrt() * said.noise_hat
            yield State(steps, steps, s, clean, said.x0)
            return
        v = v_from(said.x0, said.noise_hat, alpha_bar_t)
        guess = x_t + turn * v
        yield State(2 * number + 1, steps, s, guess, said.x0)
        said = denoise(guess, s)
        x_t = x_t + turn * (v + v_from(said.x0, said.noise_hat, alpha_bar_s)) / 2
        yield State(2 * number + 2, steps, s, x_t, said.x0)


def _angle(alpha_bar: Tensor) -> Tensor:
    return torch.atan2((1 - alpha_bar).sqrt(), alpha_bar.sqrt())
