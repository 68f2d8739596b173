"""How much the error in x0 counts at each noise level."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float64
from torch import Tensor

Weighting = Literal["uniform", "snr", "truncated-snr", "snr+1", "sigmoid"]


def weight(
    weighting: Weighting, log_snr: Float64[Tensor, "*any"], *, bias: float = 0.0
) -> Float64[Tensor, "*any"]:
    """Factor of the squared error of x0 at a log signal-to-noise ratio.

    Args:
        weighting: "snr" makes it the error of the noise, "snr+1" that of v, "truncated-snr" the larger
            of the errors of noise and x0 (Salimans and Ho 2022, §4). "sigmoid" is sigmoid(log SNR − bias)
            (Hoogeboom et al. 2023, §3): the smaller the bias, the more noisy masks count.
        log_snr: log ᾱ / (1 − ᾱ).
        bias: of the sigmoid.
    """
    if weighting == "uniform":
        return torch.ones_like(log_snr)
    if weighting == "sigmoid":
        return torch.sigmoid(log_snr - bias)
    snr = log_snr.exp()
    return {"snr": snr, "truncated-snr": snr.clamp(min=1), "snr+1": snr + 1}[weighting]
