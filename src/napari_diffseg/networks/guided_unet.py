"""The guided-diffusion U-Net (Dhariwal & Nichol 2021, arXiv:2105.05233, §3) as three papers use it.

EnsemDiff (Wolleb et al. 2022) concatenates skips, PatchDDM (Bieder et al. 2023, §3.2) averages them and
has no attention, Ambiguous (Christensen et al. 2025, App. A) has more blocks the deeper the level. Each
runs on slices and on volumes. Names in the state dict are those of the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from napari_diffseg.networks.config import LevelsConfig, Multiplier
from napari_diffseg.networks.convolution import convolution
from napari_diffseg.networks.guided_blocks import (
    Attention,
    AttentionOrder,
    Downsample,
    Resample,
    ResidualBlock,
    Timed,
    TimeEmbedding,
    Upsample,
    group_norm,
    zeroed,
)

Blocks = Annotated[int, Field(ge=1, le=32)]
Rate = Annotated[int, Field(ge=1, le=128)]
Heads = Annotated[int, Field(ge=1, le=256)]


class GuidedUNetConfig(LevelsConfig):
    """Shape of the network; the defaults are those of EnsemDiff's official run.

    Attributes:
        dimensions: 2 for slices, 3 for volumes.
        width: channels of the first convolution; the others are multiples of it.
        multipliers: times `width` at each level, full size first, each next level at half of it.
        blocks: residual blocks a level on the way down, for all levels or each; one more on the way up.
        attention_at: downsampling rates of the levels with attention after every residual block. Papers
            that count pixels of a nominal image size divide that by it: 256 pixels, attention at 16: 16.
        middle_blocks: residual blocks between the way down and the way up.
        middle_attention: whether attention stands between them.
        heads: attention heads.
        decoder_heads: likewise on the way up, when other than `heads`.
        head_channels: channels a head; when given it decides the number of heads everywhere.
        attention_order: how the rows of the attention's weights are laid out in a checkpoint.
        scale_shift: the time scales and shifts inside a residual block; otherwise it is added.
        resample_in_blocks: residual blocks change the size, otherwise a convolution alone does.
        skips: what was set aside on the way down is put beside what comes up, or their mean is taken.
        groups: of every group norm. None: 32 where that divides the channels, otherwise one a channel.
            Where a norm has one channel a group, an added time before it is removed again: level 0 of
            PatchDDM and the levels of 32 channels of Ambiguous do not see it.
        dropout: probability inside residual blocks, while training.
        longest_period: of the time's sinusoids, in the units of t over 2π.
    """

    dimensions: Literal[2, 3] = 2
    width: int = Field(128, ge=2, le=1024)
    multipliers: tuple[Multiplier, ...] = Field((1, 1, 2, 2, 4, 4), min_length=1, max_length=8)
    blocks: Blocks | tuple[Blocks, ...] = 2
    attention_at: tuple[Rate, ...] = Field((16,), max_length=8)
    middle_blocks: int = Field(2, ge=1, le=32)
    middle_attention: bool = True
    heads: Heads = 1
    decoder_heads: Heads | None = None
    head_channels: int | None = Field(None, ge=1, le=4096)
    attention_order: AttentionOrder = "by head"
    scale_shift: bool = False
    resample_in_blocks: bool = False
    skips: Literal["concatenated", "averaged"] = "concatenated"
    groups: int | None = Field(32, ge=1, le=1024)
    dropout: float = Field(0.0, ge=0, lt=1)
    longest_period: float = Field(10_000.0, gt=1, le=1_000_000)

    @property
    def blocks_at(self) -> tuple[int, ...]:
        """Residual blocks on the way down at each level."""
        return self.blocks if isinstance(self.blocks, tuple) else (self.blocks,) * len(self.multipliers)

    @model_validator(mode="after")
    def _fits_together(self) -> GuidedUNetConfig:
        levels = len(self.multipliers)
        if len(self.blocks_at) != levels:
            raise ValueError(
                f"blocks names {len(self.blocks_at)} levels and multipliers {levels}. "
                "Give one number for all levels, or one for each."
            )
        self.require_rates(self.attention_at)
        if self.groups:
            self.require_groups(self.groups, (self.width, *self.widths))
        shares = (self.head_channels,) if self.head_channels else (self.heads, self.decoder_heads or 1)
        for width in self._attentive():
            for share in shares:
                if width % share:
                    raise ValueError(
                        f"{width} channels do not split into heads by {share}. "
                        "Change heads, decoder_heads or head_channels."
                    )
        return self

    def _attentive(self) -> set[int]:
        """Widths at which attention stands."""
        found = {w for level, w in enumerate(self.widths) if 2**level in self.attention_at}
        if found and self.skips == "averaged":  # on the way up a block has the next skip's width
            found |= {self.width, *self.widths}
        return found | ({self.widths[-1]} if self.middle_attention and self.middle_blocks > 1 else set())


class GuidedUNet(nn.Module):
    """Image and noisy mask in, the method's prediction out, at the same size.

    Args:
        config: shape of the network.
        inputs: channels of image and x_t together.
        outputs: channels of the prediction.
    """

    def __init__(self, config: GuidedUNetConfig, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.config = config
        self.time_embed = TimeEmbedding(config.width, config.longest_period)
        down = list(_way_down(config, inputs))
        skips = [width for _, width in down]
        self.input_blocks = nn.ModuleList(entry for entry, _ in down)
        self.middle_block = Timed(*_middle(config))
        self.output_blocks = nn.ModuleList(_way_up(config, skips))
        last = config.width if config.skips == "averaged" else config.widths[0]
        head = convolution(config.dimensions)(last, outputs, kernel_size=3, padding=1)
        self.out = nn.Sequential(group_norm(last, config.groups), nn.SiLU(), zeroed(head))

    def forward(
        self, x: Float[Tensor, "item channel *space"], t: Float[Tensor, " item"]
    ) -> Float[Tensor, "item output *space"]:
        """The prediction for inputs `x` with sizes that are multiples of `config.divisor`.

        Args:
            x: image and x_t, in the method's order.
            t: the number that enters the sinusoid, in the method's units.
        """
        emb = self.time_embed(t)
        stem, *_ = self.input_blocks
        skips = self.encoded(stem(x, emb), emb)
        return self.decoded(self.middle_block(skips[-1], emb), skips, emb)

    def encoded(
        self, h: Float[Tensor, "item channel *space"], emb: Float[Tensor, "item embedding"]
    ) -> list[Tensor]:
        """The output `h` of the first convolution, and what each entry on the way down makes of it."""
        skips = [h]
        for entry in list(self.input_blocks)[1:]:
            skips.append(entry(skips[-1], emb))
        return skips

    def decoded(
        self,
        h: Float[Tensor, "item channel *small"],
        skips: list[Tensor],
        emb: Float[Tensor, "item embedding"],
    ) -> Float[Tensor, "item output *space"]:
        """The prediction from the bottleneck's output `h`; `skips` is emptied, each let go of once used."""
        for entry in self.output_blocks:
            h = self._joined(h, skips.pop())
            h = entry(h, emb)
        return self.out(h)

    def _joined(self, x: Tensor, skip: Tensor) -> Tensor:
        return (x + skip) / 2 if self.config.skips == "averaged" else torch.cat([x, skip], dim=1)


def _way_down(config: GuidedUNetConfig, inputs: int) -> Iterator[tuple[Timed, int]]:
    """Entries from full size to the deepest level, each with its output's width."""
    width = config.width
    yield Timed(convolution(config.dimensions)(inputs, width, kernel_size=3, padding=1)), width
    for level, blocks in enumerate(config.blocks_at):
        for _ in range(blocks):
            yield (
                Timed(*_step(config, level, width, config.widths[level], config.heads)),
                config.widths[level],
            )
            width = config.widths[level]
        if level < len(config.widths) - 1:
            yield Timed(_resampling(config, width, "down")), width


def _middle(config: GuidedUNetConfig) -> Iterator[nn.Module]:
    width = config.widths[-1]
    for block in range(config.middle_blocks):
        if block and config.middle_attention:
            yield _attention(config, width, config.heads)
        yield _residual(config, width, width)


def _way_up(config: GuidedUNetConfig, skips: list[int]) -> Iterator[Timed]:
    """Entries from the deepest level to full size; `skips` are the widths of those on the way down."""
    width, rest = skips[-1], list(skips)
    heads = config.decoder_heads or config.heads
    for level in reversed(range(len(config.widths))):
        for block in range(config.blocks_at[level] + 1):
            skip = rest.pop()
            if config.skips == "averaged":  # a mean needs the width of the skip that comes next
                inputs, width = skip, rest[-1] if rest else config.width
            else:
                inputs, width = width + skip, config.widths[level]
            entry = list(_step(config, level, inputs, width, heads))
            if level and block == config.blocks_at[level]:
                entry.append(_resampling(config, width, "up"))
            yield Timed(*entry)


def _step(config: GuidedUNetConfig, level: int, inputs: int, outputs: int, heads: int) -> Iterator[nn.Module]:
    yield _residual(config, inputs, outputs)
    if 2**level in config.attention_at:
        yield _attention(config, outputs, heads)


def _residual(
    config: GuidedUNetConfig, inputs: int, outputs: int, resample: Resample = "none"
) -> ResidualBlock:
    return ResidualBlock(
        config.dimensions,
        inputs,
        outputs,
        4 * config.width,
        groups=config.groups,
        scale_shift=config.scale_shift,
        dropout=config.dropout,
        resample=resample,
    )


def _attention(config: GuidedUNetConfig, channels: int, heads: int) -> Attention:
    heads = channels // config.head_channels if config.head_channels else heads
    return Attention(channels, heads, groups=config.groups, order=config.attention_order)


def _resampling(config: GuidedUNetConfig, channels: int, how: Literal["down", "up"]) -> nn.Module:
    if config.resample_in_blocks:
        return _residual(config, channels, channels, how)
    return (Downsample if how == "down" else Upsample)(config.dimensions, channels)
