"""MedSegDiff's network (Wu et al. 2023, arXiv:2211.00611, §2), for 2D and 3D.

Two encoders of one form see the image and the noisy mask apart. On the way down the image's features are
multiplied by what the mask's resemble (Dynamic Conditional Encoding, §2.1), the latter filtered by an
FF-Parser (§2.2). The sum of both goes through the last encoder stage and a U-Net decoder.

With 256 pixels, width 64 and three image channels the variants S, B and L have 16.2, 27.3 and 38.5
million parameters; the paper gives 13, 25 and 41 and leaves the widths open.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from napari_diffseg.networks.config import LevelsConfig, Multiplier
from napari_diffseg.networks.convolution import convolution
from napari_diffseg.networks.ff_parser import FFParser
from napari_diffseg.networks.guided_blocks import (
    Attention,
    Downsample,
    ResidualBlock,
    Timed,
    TimeEmbedding,
    Upsample,
    group_norm,
    zeroed,
)
from napari_diffseg.networks.guided_unet import Blocks, Rate


class MedSegDiffUNetConfig(LevelsConfig):
    """Shape of the network; the defaults are variant B.

    Attributes:
        dimensions: 2 for slices, 3 for volumes.
        width: channels of the first convolutions; the others are multiples of it. Open in the paper; of
            64 and the released code's 128, 64 is near the paper's numbers of parameters.
        multipliers: times `width` at each stage, full size first, each next one at half of it. The paper's
            S, B and L halve 4, 5 and 6 times (§3.2).
        blocks: residual blocks of each encoder stage; further stages have as many as the last one given.
            ResNet34's (§2.3).
        attention_at: downsampling rates of the stages with attention after every residual block (§2.3,
            as Nichol & Dhariwal 2021, who count pixels: 16 of 256).
        heads: of the attention.
        groups: of every group norm.
        conditioning: what happens to the image's features at the middle two stages: nothing, so that
            both encoders are only added (SegDiff); Dynamic Conditional Encoding; the same with FF-Parser.
        training_size: edge in pixels or voxels that the FF-Parsers' maps are made for. Other sizes are
            taken too. The maps grow with its square, in 3D with its cube: choose the training crop's edge.
    """

    dimensions: Literal[2, 3] = 2
    width: int = Field(64, ge=2, le=1024)
    multipliers: tuple[Multiplier, ...] = Field((1, 1, 2, 2, 4, 4), min_length=2, max_length=8)
    blocks: tuple[Blocks, ...] = Field((3, 4, 6, 3), min_length=1, max_length=8)
    attention_at: tuple[Rate, ...] = Field((16,), max_length=8)
    heads: int = Field(1, ge=1, le=256)
    groups: int = Field(32, ge=1, le=1024)
    conditioning: Literal["none", "dynamic", "dynamic+ff-parser"] = "dynamic+ff-parser"
    training_size: int = Field(256, ge=2, le=2048)

    @property
    def fused_stages(self) -> tuple[int, ...]:
        """The middle two (§2.1), counted from 0; of two stages the first, as the last is shared."""
        middle = len(self.multipliers) // 2
        if self.conditioning == "none":
            return ()
        return (middle - 1, middle) if len(self.multipliers) > 2 else (0,)

    @model_validator(mode="after")
    def _fits_together(self) -> MedSegDiffUNetConfig:
        self.require_rates(self.attention_at)
        self.require_groups(self.groups, (self.width, *self.widths))
        for rate, width in zip(self.rates, self.widths, strict=True):
            if rate in self.attention_at and width % self.heads:
                raise ValueError(
                    f"{self.heads} heads do not divide {width} channels. Change heads, width or multipliers."
                )
        if self.training_size % self.divisor:
            raise ValueError(
                f"training_size is {self.training_size}, which is no multiple of {self.divisor}. "
                "Choose one, or fewer multipliers."
            )
        return self


class MedSegDiffUNet(nn.Module):
    """Image and noisy mask in, the mask's noise out, at the same size.

    Args:
        config: shape of the network.
        channels: of the image.
        mask_channels: of x_t.
        outputs: channels of the prediction; the variance is fixed, so as many as `mask_channels`.
    """

    def __init__(
        self, config: MedSegDiffUNetConfig, *, channels: int, mask_channels: int, outputs: int
    ) -> None:
        super().__init__()
        self.config, self.channels, self.mask_channels = config, channels, mask_channels
        self.time_embed = TimeEmbedding(config.width)
        self.image_encoder = Encoder(config, channels)
        self.mask_encoder = Encoder(config, mask_channels)
        self.fusions = nn.ModuleDict(
            {str(stage): DynamicConditionalEncoding(config, stage) for stage in config.fused_stages}
        )
        *separate, last = range(len(config.widths))
        self.last_stage = _encoder_stage(config, last)
        self.upsamplings = nn.ModuleList(
            Upsample(config.dimensions, config.widths[stage + 1]) for stage in reversed(separate)
        )
        self.decoder = nn.ModuleList(_decoder_stage(config, stage) for stage in reversed(separate))
        width = config.widths[0]
        head = convolution(config.dimensions)(width, outputs, kernel_size=3, padding=1)
        self.out = nn.Sequential(group_norm(width, config.groups), nn.SiLU(), zeroed(head))

    def forward(
        self, x: Float[Tensor, "item channel *space"], t: Float[Tensor, " item"]
    ) -> Float[Tensor, "item output *space"]:
        """The noise in x_t (eq. 2).

        Args:
            x: image channels, then x_t; sizes are multiples of `config.divisor`.
            t: index of the training chain.
        """
        emb = self.time_embed(t)
        image, x_t = x.split((self.channels, self.mask_channels), dim=1)
        *skips, h = self.encoded(image, x_t, emb)
        h = self.last_stage(h, emb)
        for upsampling, stage in zip(self.upsamplings, self.decoder, strict=True):
            h = stage(torch.cat([upsampling(h), skips.pop()], dim=1), emb)
        return self.out(h)

    def encoded(self, image: Tensor, x_t: Tensor, emb: Tensor) -> list[Tensor]:
        """E^I + E^x at each stage, full size first, and at the size of the last stage.

        All of it is the sum, skips as well: eq. 2 gives the decoder nothing else.
        """
        of_image, of_mask = self.image_encoder, self.mask_encoder
        m_image, m_mask = of_image.stem(image), of_mask.stem(x_t)
        sums = []
        for stage in range(len(of_image.stages)):
            m_image, m_mask = of_image.stages[stage](m_image, emb), of_mask.stages[stage](m_mask, emb)
            if stage in self.config.fused_stages:
                m_image = self.fusions[str(stage)](m_image, m_mask)
            sums.append(m_image + m_mask)
            m_image, m_mask = of_image.downsamplings[stage](m_image), of_mask.downsamplings[stage](m_mask)
        return [*sums, m_image + m_mask]


class Encoder(nn.Module):
    """The parts of one encoder: all stages but the last, which both share."""

    def __init__(self, config: MedSegDiffUNetConfig, channels: int) -> None:
        super().__init__()
        dims, separate = config.dimensions, range(len(config.widths) - 1)
        self.stem = convolution(dims)(channels, config.width, kernel_size=3, padding=1)
        self.stages = nn.ModuleList(_encoder_stage(config, stage) for stage in separate)
        self.downsamplings = nn.ModuleList(Downsample(dims, config.widths[stage]) for stage in separate)


class DynamicConditionalEncoding(nn.Module):
    """A(m_I, m_x) = (LN(m_I) · LN(m_x)) · m_I, where m_x may pass an FF-Parser first (eq. 3)."""

    def __init__(self, config: MedSegDiffUNetConfig, stage: int) -> None:
        super().__init__()
        size = (config.training_size >> stage,) * config.dimensions
        parsed = config.conditioning == "dynamic+ff-parser"
        self.ff_parser = FFParser(config.widths[stage], size) if parsed else nn.Identity()

    def forward(
        self, m_image: Float[Tensor, "item channel *space"], m_mask: Float[Tensor, "item channel *space"]
    ) -> Float[Tensor, "item channel *space"]:
        """The image's features, larger where both encoders see the same."""
        return attended(m_image, self.ff_parser(m_mask))


def attended(
    m_image: Float[Tensor, "item channel *space"], m_mask: Float[Tensor, "item channel *space"]
) -> Float[Tensor, "item channel *space"]:
    """Eq. 3, in float32 inside.

    LN is over all channels and places of an item, without weights: a weight for each place would tie the
    network to one size.
    """
    shape, wide = m_image.shape[1:], torch.promote_types(m_image.dtype, torch.float32)
    affinity = F.layer_norm(m_image.to(wide), shape) * F.layer_norm(m_mask.to(wide), shape)
    return (affinity * m_image).to(m_image.dtype)


def _encoder_stage(config: MedSegDiffUNetConfig, stage: int) -> Timed:
    before = config.widths[stage - 1] if stage else config.width
    blocks = config.blocks[min(stage, len(config.blocks) - 1)]
    return Timed(*_steps(config, stage, (before, *(config.widths[stage],) * blocks)))


def _decoder_stage(config: MedSegDiffUNetConfig, stage: int) -> Timed:
    """One residual block, as in ResUNet, which the paper modifies (§2.3)."""
    width = config.widths[stage]
    return Timed(*_steps(config, stage, (config.widths[stage + 1] + width, width)))


def _steps(config: MedSegDiffUNetConfig, stage: int, widths: tuple[int, ...]) -> Iterator[nn.Module]:
    for inputs, outputs in pairwise(widths):
        yield ResidualBlock(config.dimensions, inputs, outputs, 4 * config.width, groups=config.groups)
        if 2**stage in config.attention_at:
            yield Attention(outputs, config.heads, groups=config.groups)
