"""The variational bound of one reverse step, which teaches a network its variance."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_HALF_BIN = 1 / 255
_OPEN_FROM = 0.999
_FLOOR = 1e-12


def bound_bits(
    truth: tuple[Float[Tensor, "item class *space"], Float[Tensor, "item class *space"]],
    model: tuple[Float[Tensor, "item class *space"], Float[Tensor, "item class *space"]],
    x0: Float[Tensor, "item class *space"],
    first: Bool[Tensor, " item"],
) -> Float[Tensor, " item"]:
    """Term of the bound for each item's step, in bits per dimension (Nichol and Dhariwal 2021, eq. 4 to 7).

    Args:
        truth: mean and log variance of the reverse step when x0 is known.
        model: mean and log variance of the network's reverse step.
        x0: the clean mask.
        first: items whose step ends at the clean mask; theirs is a likelihood, not a divergence.
    """
    space = tuple(range(1, x0.ndim))
    divergence = _gaussian_divergence(*truth, *model).mean(space)
    likelihood = _binned_log_likelihood(x0, *model).mean(space)
    return torch.where(first, -likelihood, divergence) / math.log(2)


def _gaussian_divergence(
    mean: Tensor, log_variance: Tensor, model_mean: Tensor, model_log_variance: Tensor
) -> Tensor:
    """Kullback-Leibler divergence of two Gaussians, in nats."""
    spread = log_variance - model_log_variance
    distance = (mean - model_mean) ** 2 * torch.exp(-model_log_variance)
    return 0.5 * (torch.exp(spread) - spread - 1 + distance)


def _binned_log_likelihood(x0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Of x0 in a Gaussian over bins of 2/255, open beyond ±0.999 (Ho et al. 2020, eq. 13), in nats."""
    precision = torch.exp(-log_variance / 2)
    below = _normal_distribution(precision * (x0 - mean - _HALF_BIN))
    above = _normal_distribution(precision * (x0 - mean + _HALF_BIN))
    inside = torch.where(x0 > _OPEN_FROM, 1 - below, above - below)
    return torch.where(x0 < -_OPEN_FROM, above, inside).clamp(min=_FLOOR).log()


def _normal_distribution(z: Tensor) -> Tensor:
    """Distribution function of the standard normal, by the tanh formula that the official codes use."""
    return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))
