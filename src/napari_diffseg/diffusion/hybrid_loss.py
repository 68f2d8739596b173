"""The error of the predicted noise, with the variational bound for a learned variance."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from napari_diffseg.diffusion.discrete import DiscreteSchedule
from napari_diffseg.diffusion.posterior import Posterior, learned_log_variance
from napari_diffseg.diffusion.schedule import over
from napari_diffseg.diffusion.target import x0_from
from napari_diffseg.diffusion.variational import bound_bits


def noise_error(
    noise_hat: Float[Tensor, "item class *space"], noise: Float[Tensor, "item class *space"]
) -> Float[Tensor, " item"]:
    """Mean squared error of each item's noise (Ho et al. 2020, eq. 14)."""
    return ((noise - noise_hat) ** 2).flatten(1).mean(1)


def variance_bound(
    schedule: DiscreteSchedule,
    index: Int64[Tensor, " item"],
    x0: Float[Tensor, "item class *space"],
    x_t: Float[Tensor, "item class *space"],
    noise_hat: Float[Tensor, "item class *space"],
    spread: Float[Tensor, "item class *space"],
) -> Float[Tensor, " item"]:
    """The variational term, which reaches the variance alone (Nichol and Dhariwal 2021, §3.1).

    The mean is held fixed and x0 is not clipped. At the first index the smallest variance would be 0; the
    one of the second index stands in, as in the official codes.
    """
    t, previous = schedule.time(index), (index / schedule.train_steps).double()
    posterior = Posterior(schedule.alpha_bars(t), schedule.alpha_bars(previous))
    second = Posterior(*schedule.alpha_bars(schedule.time(torch.tensor([1, 0])))).variance
    smallest = torch.where(index == 0, second, posterior.variance)
    said_x0 = x0_from("noise", noise_hat.detach(), x_t, posterior.alpha_bar_t)
    log_variance = learned_log_variance(spread, smallest, posterior.beta)
    true_log_variance = over(smallest.log(), x0).expand_as(x0)
    return bound_bits(
        (posterior.mean(x0, x_t), true_log_variance),
        (posterior.mean(said_x0, x_t), log_variance),
        x0,
        (index == 0).to(x0.device),
    )
