"""The reverse step when the clean mask is known: q(x_s | x_t, x0), s the less noisy time."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float64
from torch import Tensor

from napari_diffseg.diffusion.schedule import over


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """A Gaussian over x_s (Ho et al. 2020, eq. 6 and 7, for any two times).

    Args:
        alpha_bar_t: signal at the noisier time; a number, or one an item.
        alpha_bar_s: at the less noisy one.
    """

    alpha_bar_t: Float64[Tensor, "*item"]
    alpha_bar_s: Float64[Tensor, "*item"]

    @property
    def beta(self) -> Float64[Tensor, "*item"]:
        """Variance added on the way from s to t: the "large" variance of a reverse step."""
        return 1 - self.alpha_bar_t / self.alpha_bar_s

    @property
    def variance(self) -> Float64[Tensor, "*item"]:
        """β̃, the true and "small" variance; 0 where s is clean."""
        return self.beta * (1 - self.alpha_bar_s) / (1 - self.alpha_bar_t)

    @property
    def from_x0(self) -> Float64[Tensor, "*item"]:
        """Share of x0 in the mean."""
        return self.alpha_bar_s.sqrt() * self.beta / (1 - self.alpha_bar_t)

    @property
    def from_x_t(self) -> Float64[Tensor, "*item"]:
        """Share of x_t in the mean."""
        return (self.alpha_bar_t / self.alpha_bar_s).sqrt() * (1 - self.alpha_bar_s) / (1 - self.alpha_bar_t)

    def mean(
        self, x0: Float[Tensor, "member class *space"], x_t: Float[Tensor, "member class *space"]
    ) -> Float[Tensor, "member class *space"]:
        """Of x_s."""
        return over(self.from_x0, x0) * x0 + over(self.from_x_t, x_t) * x_t


def learned_log_variance(
    spread: Float[Tensor, "member class *space"],
    smallest: Float64[Tensor, "*member"],
    largest: Float64[Tensor, "*member"],
) -> Float[Tensor, "member class *space"]:
    """A log variance between two variances, −1 the smallest and 1 the largest, not bounded.

    Source:
        Nichol and Dhariwal 2021, eq. 15, with v = (spread + 1) / 2.
    """
    share = (spread + 1) / 2
    return share * over(largest.log(), spread) + (1 - share) * over(smallest.log(), spread)
