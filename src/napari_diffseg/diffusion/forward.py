"""The forward process: noise put on a clean mask."""

from __future__ import annotations

from jaxtyping import Float, Float64
from torch import Tensor

from napari_diffseg.diffusion.schedule import over


def noised(
    x0: Float[Tensor, "item class *space"],
    noise: Float[Tensor, "item class *space"],
    alpha_bar: Float64[Tensor, " item"],
) -> Float[Tensor, "item class *space"]:
    """x_t of each item, given how much signal its time keeps (Ho et al. 2020, eq. 4)."""
    return over(alpha_bar.sqrt(), x0) * x0 + over((1 - alpha_bar).sqrt(), x0) * noise
