"""The convolutions of the networks that are for slices and for volumes."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Conv3d(nn.Conv3d):
    """torch's, in float32 where its kernel for bfloat16 returns a wrong gradient.

    On a CPU the gradient of a 3 × 3 × 3 kernel with padding 1 holds whatever was in memory before when the
    first axis of space is two voxels long (torch 2.13), as it is deep in a U-Net on a small or thin volume.
    """

    def forward(self, x: Float[Tensor, "item channel *space"]) -> Float[Tensor, "item output *coarser"]:
        """Without autocast where two layers of voxels are trained on, on a CPU."""
        if not (x.device.type == "cpu" and x.shape[2] == 2 and torch.is_grad_enabled()):
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.to(self.weight.dtype))


def convolution(dims: int) -> type[nn.Conv2d] | type[Conv3d]:
    """The one for `dims` dimensions, 2 or 3."""
    return Conv3d if dims == 3 else nn.Conv2d
