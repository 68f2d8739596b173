"""What a sampler asks for and what it yields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from napari_diffseg.diffusion.target import Denoised

Denoise = Callable[[Tensor, float], Denoised]
"""From (x_t, t) to what the network says of it, for all members of a batch at one time."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """One point of a reverse trajectory.

    Args:
        step: network calls so far, from 1.
        steps: network calls in all.
        t: the time reached; 0 when clean.
        x_t: the mask at that time.
        x0: the network's estimate of the clean mask; the answer when `step` equals `steps`.
    """

    step: int
    steps: int
    t: float
    x_t: Float[Tensor, "member class *space"]
    x0: Float[Tensor, "member class *space"]
