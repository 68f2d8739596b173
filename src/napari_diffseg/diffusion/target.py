"""What a network predicts (x0, noise or v), and every conversion between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float, Float64
from torch import Tensor

from napari_diffseg.diffusion.schedule import over

Target = Literal["x0", "noise", "v"]


@dataclass(frozen=True, slots=True, eq=False)
class Denoised:
    """What a network says of x_t.

    Args:
        x0: the clean mask.
        x_t: that it was asked about.
        alpha_bar: of its time.
        spread: learned variance of a reverse step, −1 the smallest and 1 the largest; None where the
            sampler fixes it.
        unclipped: the clean mask that the noise belongs to, where `x0` was clipped and the noise kept.
    """

    x0: Float[Tensor, "member class *space"]
    x_t: Float[Tensor, "member class *space"]
    alpha_bar: Float64[Tensor, "*member"]
    spread: Float[Tensor, "member class *space"] | None = None
    unclipped: Float[Tensor, "member class *space"] | None = None

    @property
    def noise_hat(self) -> Float[Tensor, "member class *space"]:
        """The noise in x_t; worked out here, since an ancestral step has no use for it."""
        x0 = self.x0 if self.unclipped is None else self.unclipped
        return noise_from(x0, self.x_t, self.alpha_bar)


def denoised(
    target: Target,
    output: Float[Tensor, "member class *space"],
    x_t: Float[Tensor, "member class *space"],
    alpha_bar: Float64[Tensor, "*member"],
    *,
    clip: tuple[float, float] | None = None,
    keep_noise: bool = False,
    spread: Float[Tensor, "member class *space"] | None = None,
) -> Denoised:
    """A network's output as x0 and noise.

    Args:
        target: what `output` is.
        output: of the network.
        x_t: that it was asked about.
        alpha_bar: of its time.
        clip: x0 is cut to this range.
        keep_noise: leave the noise as it was before clipping; otherwise it follows the clipped x0.
        spread: carried along.
    """
    x0 = x0_from(target, output, x_t, alpha_bar)
    clipped = x0 if clip is None else x0.clamp(*clip)
    return Denoised(clipped, x_t, alpha_bar, spread, unclipped=x0 if keep_noise else None)


def x0_from(
    target: Target,
    output: Float[Tensor, "member class *space"],
    x_t: Float[Tensor, "member class *space"],
    alpha_bar: Float64[Tensor, "*member"],
) -> Float[Tensor, "member class *space"]:
    """The clean mask (Ho et al. 2020, eq. 15 for noise; Salimans and Ho 2022, §4 for v)."""
    if target == "x0":
        return output
    if target == "noise":
        return over((1 / alpha_bar).sqrt(), x_t) * x_t - over((1 / alpha_bar - 1).sqrt(), x_t) * output
    return over(alpha_bar.sqrt(), x_t) * x_t - over((1 - alpha_bar).sqrt(), x_t) * output


def noise_from(
    x0: Float[Tensor, "member class *space"],
    x_t: Float[Tensor, "member class *space"],
    alpha_bar: Float64[Tensor, "*member"],
) -> Float[Tensor, "member class *space"]:
    """The noise that takes x0 to x_t (Ho et al. 2020, eq. 4, solved for it)."""
    return (over((1 / alpha_bar).sqrt(), x_t) * x_t - x0) / over((1 / alpha_bar - 1).sqrt(), x_t)


def v_from(
    x0: Float[Tensor, "member class *space"],
    noise: Float[Tensor, "member class *space"],
    alpha_bar: Float64[Tensor, "*member"],
) -> Float[Tensor, "member class *space"]:
    """The velocity √ᾱ·noise − √(1 − ᾱ)·x0 (Salimans and Ho 2022, §4)."""
    return over(alpha_bar.sqrt(), x0) * noise - over((1 - alpha_bar).sqrt(), x0) * x0
