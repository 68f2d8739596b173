"""One mask channel a foreground class: how the papers on binary masks are taken to several classes.

EnsemDiff, PatchDDM, MedSegDiff and the ambiguous models are written for one structure. Here x_t has a channel
for every foreground class, each with its own noise, and the background is what they leave. With one class
that is the paper, number for number; a one-hot mask with background would not be.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def foreground(mask: Float[Tensor, "item class *space"]) -> Float[Tensor, "item foreground *space"]:
    """A one-hot mask without its background, 0 and 1."""
    return mask[:, 1:]


def probabilities_of(x0: Float[Tensor, "member class *space"]) -> Float[Tensor, "member class *space"]:
    """Masks near 0 and 1 as probabilities that sum to at most 1.

    Where the classes claim more than there is, each gets its share, so that the background is never
    negative; one class is only cut to [0, 1].
    """
    cut = x0.clamp(0, 1)
    return cut / cut.sum(dim=1, keepdim=True).clamp(min=1)


def image_then_mask(
    image: Float[Tensor, "item channel *space"], x_t: Float[Tensor, "item class *space"]
) -> Float[Tensor, "item both *space"]:
    """The network's input, the noisy mask last."""
    return torch.cat([image, x_t], dim=1)
