"""The U-Net of ImgX-DiffSeg (Fu et al. 2023, arXiv:2303.06040, §3.3), for 2D and 3D.

Differs from the guided-diffusion family in that skips are added, resolution changes by kernel 2
stride 2, and every convolution is followed by an instance norm instead of a group norm.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from napari_diffseg.networks.config import NetworkConfig
from napari_diffseg.networks.convolution import convolution

TimeInjection = Literal["none", "scale-shift", "added"]
Width = Annotated[int, Field(ge=1, le=4096)]


class ImgXUNetConfig(NetworkConfig):
    """Shape of the network.

    Attributes:
        dimensions: 2 for slices, 3 for volumes.
        widths: channels at each resolution, full size first, each next one at half of it. The paper
            and its code list four (32, 64, 128, 256) and use the first twice.
        time: how t enters a residual block. "scale-shift" acts after the second norm. "added" is the
            paper's: a constant per channel in front of an instance norm, which removes it again, so
            that the network never learns t; there for imported weights. "none" for a network without
            diffusion.
        time_scale: t in [0, 1] times this enters the sinusoidal embedding.
    """

    dimensions: Literal[2, 3] = 3
    widths: tuple[Width, ...] = Field((32, 32, 64, 128, 256), min_length=1, max_length=8)
    time: TimeInjection = "scale-shift"
    time_scale: float = Field(1000.0, gt=0, le=100_000)

    @property
    def divisor(self) -> int:
        """Sizes that are a multiple of this need no cropping on the way up."""
        return int(2 ** (len(self.widths) - 1))


class ImgXUNet(nn.Module):
    """Image (and noisy mask) in, class logits out, at the same size.

    Args:
        config: shape of the network.
        inputs: input channels; image channels plus, with diffusion, the classes of x_t.
        outputs: classes, background among them.
    """

    def __init__(self, config: ImgXUNetConfig, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.config = config
        widths, dims = config.widths, config.dimensions
        time_width = 0 if config.time == "none" else 4 * widths[0]
        self.stem = ConvNormAct(dims, inputs, widths[0])
        self.encoder = nn.ModuleList(ResidualBlock(dims, width, config.time, time_width) for width in widths)
        self.pools = nn.ModuleList(Pool(dims, a, b) for a, b in pairwise(widths))
        self.unpools = nn.ModuleList(
            _transposed(dims)(a, b, kernel_size=2, stride=2) for b, a in reversed(list(pairwise(widths)))
        )
        self.decoder = nn.ModuleList(
            ResidualBlock(dims, width, config.time, time_width) for width in reversed(widths[:-1])
        )
        self.head = convolution(dims)(widths[0], outputs, kernel_size=1)

    def forward(
        self, x: Float[Tensor, "member channel *space"], t: Float[Tensor, " member"] | None = None
    ) -> Float[Tensor, "member class *space"]:
        """Class logits for inputs `x` at times `t` in [0, 1]; `t` is left out without diffusion."""
        emb = None if t is None else self._embed(t).to(x.dtype)
        h = self.encoder[0](self.stem(x), emb)
        skips = [h]
        for pool, block in zip(self.pools, list(self.encoder)[1:], strict=True):
            h = block(pool(h), emb)
            skips.append(h)
        for unpool, block, skip in zip(self.unpools, self.decoder, reversed(skips[:-1]), strict=True):
            h = block(_cropped(unpool(h), skip) + skip, emb)
        return self.head(h)

    def _embed(self, t: Float[Tensor, " member"]) -> Float[Tensor, "member embedding"]:
        """Cosines, then sines, of the time at falling frequencies, as in the official code."""
        half = 2 * self.config.widths[0]
        frequencies = torch.exp(-math.log(10_000) * torch.arange(half, device=t.device) / half)
        angles = self.config.time_scale * t[:, None].float() * frequencies
        return torch.cat([angles.cos(), angles.sin()], dim=1)


class ConvNormAct(nn.Module):
    """Convolution, instance norm, GELU."""

    def __init__(self, dims: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = convolution(dims)(inputs, outputs, kernel_size=3, padding=1, bias=False)
        self.norm = InstanceNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """One step at one resolution."""
        return _gelu(self.norm(self.conv(x)))


class ResidualBlock(nn.Module):
    """Two convolutions with the input added before the last activation, and t where it is used."""

    def __init__(self, dims: int, width: int, time: TimeInjection, time_width: int) -> None:
        super().__init__()
        self.time = time
        self.first = ConvNormAct(dims, width, width)
        self.conv = convolution(dims)(width, width, kernel_size=3, padding=1, bias=False)
        self.norm = InstanceNorm(width)
        if time != "none":
            self.project = nn.Linear(time_width, 2 * width if time == "scale-shift" else width)

    def forward(self, x: Tensor, emb: Tensor | None) -> Tensor:
        """The block at one resolution; `emb` (member, embedding) is None without diffusion."""
        h = self.conv(self.first(x))
        if self.time == "none" or emb is None:
            return _gelu(self.norm(h) + x)
        projected = self.project(_gelu(emb))
        projected = projected.reshape(*projected.shape, *(1,) * (x.ndim - 2))
        if self.time == "added":
            return _gelu(self.norm(h + projected) + x)
        scale, shift = projected.chunk(2, dim=1)
        return _gelu(self.norm(h) * (1 + scale) + shift + x)


class Pool(nn.Module):
    """Half the resolution: kernel 2 stride 2 and an instance norm; an odd size gets a zero at its end."""

    def __init__(self, dims: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = convolution(dims)(inputs, outputs, kernel_size=2, stride=2, bias=False)
        self.norm = InstanceNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """One step down."""
        odd = [size % 2 for size in reversed(x.shape[2:])]
        padding = [amount for extra in odd for amount in (0, extra)]
        return self.norm(self.conv(F.pad(x, padding) if any(odd) else x))


class InstanceNorm(nn.GroupNorm):
    """Each channel of each item to zero mean and unit variance over space, then scaled and offset.

    A group norm with a group per channel is the same sum, takes 2D and 3D alike, and keeps a
    channels-last layout, which torch's own instance norm copies away.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, eps=1e-5)


def _gelu(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


def _transposed(dims: int) -> type[nn.ConvTranspose2d] | type[nn.ConvTranspose3d]:
    return nn.ConvTranspose3d if dims == 3 else nn.ConvTranspose2d


def _cropped(x: Tensor, like: Tensor) -> Tensor:
    for axis, size in enumerate(like.shape[2:], start=2):
        x = x.narrow(axis, 0, size)
    return x
