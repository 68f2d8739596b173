"""Blocks of the guided-diffusion U-Nets (Dhariwal & Nichol 2021, arXiv:2105.05233, §3), for 2D and 3D.

Children and parameters have the names of the published checkpoints, so that reading one is the identity.
`dims` is 2 or 3 throughout; tensors are (item, channel, *space) with sizes that halve without a rest.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Literal, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from napari_diffseg.networks.convolution import convolution

Resample = Literal["none", "down", "up"]
AttentionOrder = Literal["by head", "q, k, v"]
Layer = TypeVar("Layer", bound=nn.Module)

_FEW_PLACES = 512
"""Up to here the fused kernels' copies cost more on a CPU than they save."""


class GroupNorm32(nn.GroupNorm):
    """Group norm in float32 whatever the precision around it: 8 bits of mantissa spoil a variance."""

    def forward(self, x: Float[Tensor, "item channel *space"]) -> Float[Tensor, "item channel *space"]:
        """Normalised in at least float32, then returned in the dtype of `x`."""
        wide = torch.promote_types(x.dtype, torch.float32)
        weight, bias = self.weight.to(wide), self.bias.to(wide)
        if x.device.type == "cpu":  # its kernel computes in the parameters' dtype and needs no wide copy of x
            return F.group_norm(x, self.num_groups, weight, bias, self.eps)
        return F.group_norm(x.to(wide), self.num_groups, weight, bias, self.eps).to(x.dtype)


def group_norm(channels: int, groups: int | None) -> nn.GroupNorm:
    """Group norm in float32; without `groups` the rule of AmbDiffSeg's code.

    Args:
        channels: of the tensors it takes.
        groups: divides `channels`. None: 32 where that divides the channels, otherwise one a channel.
    """
    if groups is None:
        groups = 32 if channels % 32 == 0 else channels
    return GroupNorm32(groups, channels, eps=1e-5)


class ResidualBlock(nn.Module):
    """Two convolutions with the time between them, added to the input.

    Args:
        embedding: width of the time embedding.
        groups: of both group norms, see `group_norm`.
        scale_shift: the time scales and shifts the second norm's output; otherwise it is added before it.
        dropout: probability, before the last convolution.
        resample: halves (mean of 2s) or doubles (nearest) the size ahead of the first convolution.
    """

    def __init__(
        self,
        dims: int,
        inputs: int,
        outputs: int,
        embedding: int,
        *,
        groups: int | None,
        scale_shift: bool = False,
        dropout: float = 0.0,
        resample: Resample = "none",
    ) -> None:
        super().__init__()
        conv = convolution(dims)
        self.scale_shift = scale_shift
        self.resample = resample
        self.in_layers = nn.Sequential(
            group_norm(inputs, groups), nn.SiLU(), conv(inputs, outputs, kernel_size=3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, (1 + scale_shift) * outputs))
        self.out_layers = nn.Sequential(
            group_norm(outputs, groups),
            nn.SiLU(),
            nn.Dropout(dropout),
            zeroed(conv(outputs, outputs, kernel_size=3, padding=1)),
        )
        self.skip_connection = nn.Identity() if inputs == outputs else conv(inputs, outputs, kernel_size=1)

    def forward(
        self, x: Float[Tensor, "item channel *space"], emb: Float[Tensor, "item embedding"]
    ) -> Float[Tensor, "item output *resampled"]:
        """The block's output for the time embedding `emb`."""
        norm, activation, first = self.in_layers
        h = first(resampled(activation(norm(x)), self.resample))
        time = self.emb_layers(emb).to(h.dtype)
        time = time.reshape(*time.shape, *(1,) * (x.ndim - 2))
        norm, activation, dropout, second = self.out_layers
        if self.scale_shift:
            scale, shift = time.chunk(2, dim=1)
            h = activation(norm(h) * (1 + scale) + shift)
        else:
            h = activation(norm(h + time))
        h = second(dropout(h))  # ahead of the skip, while h is in the processor's cache
        return h + self.skip_connection(resampled(x, self.resample))


class Attention(nn.Module):
    """Self-attention among all places, added to the input.

    Args:
        heads: divides `channels`.
        order: of the rows of `qkv`: each head's q, k and v in turn, or all q, all k, all v.
    """

    def __init__(
        self, channels: int, heads: int, *, groups: int | None, order: AttentionOrder = "by head"
    ) -> None:
        super().__init__()
        self.heads = heads
        self.order = order
        self.norm = group_norm(channels, groups)
        self.qkv = nn.Conv1d(channels, 3 * channels, kernel_size=1)
        self.proj_out = zeroed(nn.Conv1d(channels, channels, kernel_size=1))

    def forward(self, x: Float[Tensor, "item channel *space"]) -> Float[Tensor, "item channel *space"]:
        """One step of attention at one resolution."""
        qkv = self.qkv(self.norm(x).flatten(2))
        if self.order == "by head":
            parts = qkv.unflatten(1, (self.heads, 3, -1)).movedim(2, 0)
        else:
            parts = qkv.unflatten(1, (3, self.heads, -1)).movedim(1, 0)
        h = _small_attention(*parts) if qkv.shape[2] <= _FEW_PLACES else _fused_attention(parts)
        return x + self.proj_out(h.flatten(1, 2)).reshape(x.shape)


def _small_attention(q: Tensor, k: Tensor, v: Tensor) -> Float[Tensor, "item head width place"]:
    """As it is written; (item, head, width, place) each."""
    shares = (q.transpose(-1, -2) / math.sqrt(q.shape[-2]) @ k).softmax(dim=-1)
    return v @ shares.transpose(-1, -2)


def _fused_attention(
    parts: Float[Tensor, "3 item head width place"],
) -> Float[Tensor, "item head width place"]:
    """By kernels which never hold the place-by-place matrix, and want each vector in one piece."""
    q, k, v = parts.transpose(-1, -2).contiguous()
    return F.scaled_dot_product_attention(q, k, v).transpose(-1, -2)  # scale 1/sqrt(width of a head)


class Downsample(nn.Module):
    """Half the size by a 3-convolution of stride 2."""

    def __init__(self, dims: int, channels: int) -> None:
        super().__init__()
        self.op = convolution(dims)(channels, channels, kernel_size=3, stride=2, padding=1)

    def forward(self, x: Float[Tensor, "item channel *space"]) -> Float[Tensor, "item channel *half"]:
        """One step down."""
        return self.op(x)


class Upsample(nn.Module):
    """Twice the size: each value repeated, then a 3-convolution."""

    def __init__(self, dims: int, channels: int) -> None:
        super().__init__()
        self.conv = convolution(dims)(channels, channels, kernel_size=3, padding=1)

    def forward(self, x: Float[Tensor, "item channel *space"]) -> Float[Tensor, "item channel *double"]:
        """One step up."""
        return self.conv(resampled(x, "up"))


class Timed(nn.Sequential):
    """Modules one after the other, of which residual blocks alone see the time."""

    def forward(  # type: ignore[override]
        self, x: Float[Tensor, "item channel *space"], emb: Float[Tensor, "item embedding"]
    ) -> Float[Tensor, "item output *resampled"]:
        """The last one's output."""
        for module in self:
            x = module(x, emb) if isinstance(module, ResidualBlock) else module(x)
        return x


class TimeEmbedding(nn.Sequential):
    """What residual blocks are told of the time: sinusoids, then two linear layers.

    In float32 even under autocast: in bf16, 999 is 1000, and two steps of 1/1000 near 1 are the same.

    Args:
        width: of the sinusoids; the embedding has four times as many.
        longest_period: of the sinusoids, see `sinusoid`.
    """

    def __init__(self, width: int, longest_period: float = 10_000.0) -> None:
        super().__init__(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 4 * width))
        self.width, self.longest_period = width, longest_period

    def forward(self, t: Float[Tensor, " item"]) -> Float[Tensor, "item embedding"]:
        """The embedding of t, the raw number, in the dtype of the layers."""
        h = sinusoid(t, self.width, self.longest_period).to(next(self.parameters()).dtype)
        known = torch.amp.is_autocast_available(t.device.type)  # the meta device has none
        with torch.autocast(t.device.type, enabled=False) if known else nullcontext():
            for layer in self:
                h = layer(h)
        return h


def sinusoid(t: Float[Tensor, " item"], width: int, longest_period: float) -> Float[Tensor, "item {width}"]:
    """Cosines, then sines, of t at frequencies falling from 1 to 1/longest_period, in float32.

    An odd width ends with a column of zeros. Source: Vaswani et al. 2017, §3.5, in Ho et al.'s order.
    """
    half = width // 2
    frequencies = torch.exp(-math.log(longest_period) * torch.arange(half, device=t.device).float() / half)
    angles = t[:, None].float() * frequencies
    return F.pad(torch.cat([angles.cos(), angles.sin()], dim=1), (0, width % 2))


def zeroed(module: Layer) -> Layer:
    """The module with weight and bias zero: a block that starts as the identity, a head as nothing."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def resampled(x: Tensor, how: Resample) -> Tensor:
    """`x` (item, channel, *space) at half the size (means of 2s), at twice (nearest), or as it is."""
    if how == "up":
        return F.interpolate(x, scale_factor=2.0, mode="nearest")
    if how == "down":
        return F.avg_pool3d(x, 2) if x.ndim == 5 else F.avg_pool2d(x, 2)
    return x
