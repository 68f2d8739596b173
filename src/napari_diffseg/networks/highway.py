"""The "highway" of the released MedSegDiff networks: an nnU-Net-like 2D U-Net on the image alone.

No part of the paper. Children have the names of the released checkpoints, `instnorm` among them, which is
a batch norm.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from napari_diffseg.networks.ff_parser import FFParser

STAGES = 5
"""Each ends with a max pool, so sizes are multiples of 2 ** STAGES."""

FUSED_STAGES = 4
"""Of the modulated highway."""

_WIDEST = 480
_SLOPE = 0.01


class Passed(NamedTuple):
    """What the highway hands on.

    Attributes:
        calibration: the highway's own mask, probabilities (item, 1, H, W).
        embedding: what is added to the main network's bottleneck, if anything.
        decoded: features after each decoder stage, deepest first.
    """

    calibration: Tensor
    embedding: Tensor | None
    decoded: list[Tensor]


class Highway(nn.Module):
    """Image in, features and a mask of its own out.

    Args:
        channels: of the image.
        width: of the first stage; each next one has twice as many channels, up to 480.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.widths = tuple(min(width << stage, _WIDEST) for stage in range(STAGES))
        deepest = self.widths[-1]
        bottleneck = min(width << STAGES, _WIDEST)
        self.conv_blocks_context = nn.ModuleList(
            Stage((before, after, after), dropout=0.5) for before, after in pairwise((channels, *self.widths))
        )
        there_and_back = pairwise((deepest, bottleneck, deepest))
        self.conv_blocks_context.append(nn.Sequential(*(Stage(pair, dropout=0.5) for pair in there_and_back)))
        upwards = (*reversed(self.widths), width)
        self.conv_blocks_localization = nn.ModuleList(
            nn.Sequential(Stage((2 * skip, skip)), Stage((skip, next_skip)))
            for skip, next_skip in pairwise(upwards)
        )
        self.seg_outputs = nn.ModuleList([nn.Conv2d(width, 1, kernel_size=1, bias=False)])
        self.apply(_initialise)

    def forward(
        self,
        image: Float[Tensor, "item channel H W"],
        features: Sequence[Float[Tensor, "item _ _ _"]] = (),
    ) -> Passed:
        """`features` of the main network modulate the first stages, where there are parts for it."""
        *stages, bottleneck = self.conv_blocks_context
        h, skips = image, []
        for depth, stage in enumerate(stages):
            skips.append(stage(h))
            h = F.max_pool2d(skips[-1], 2)
            if depth < len(features):
                h = self.modulated(h, features[depth], depth)
        h = deepest = bottleneck(h)
        decoded = []
        for stage, skip in zip(self.conv_blocks_localization, reversed(skips), strict=True):
            h = stage(torch.cat([magnified(h, 2), skip], dim=1))
            decoded.append(h)
        (output,) = self.seg_outputs
        return Passed(output(h).float().sigmoid(), self.projected(deepest), decoded)

    def modulated(self, h: Tensor, feature: Tensor, depth: int) -> Tensor:
        """Features `h` after a stage's pool, as the main network changes them: not at all here."""
        return h

    def projected(self, deepest: Tensor) -> Tensor | None:
        """What is added to the main network's bottleneck: nothing here."""
        return None


class ModulatedHighway(Highway):
    """Version 1: stages are multiplied by filtered features of the main network.

    Args:
        channels: of the image.
        width: of the first stage.
        features: channels of the main network's features at a half, quarter, eighth and sixteenth.
        training_size: edge of the images that the FF-Parsers' maps are for; other sizes are taken too.
        projection: channels of the main network's bottleneck, when something is to be added to it.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        *,
        features: Sequence[int],
        training_size: int,
        projection: int | None,
    ) -> None:
        super().__init__(channels, width)
        widths = self.widths[:FUSED_STAGES]
        self.conv_trans_blocks_a = nn.ModuleList(
            nn.Conv2d(feature, width, kernel_size=1) for feature, width in zip(features, widths, strict=True)
        )
        self.conv_trans_blocks_b = nn.ModuleList(nn.Conv2d(width, 1, kernel_size=1) for width in widths)
        self.ffparser = nn.ModuleList(
            FFParser(width, (training_size >> depth, training_size >> depth))
            for depth, width in enumerate(widths, start=1)
        )
        self.random_projection = (
            None if projection is None else nn.Conv2d(self.widths[-1], projection, kernel_size=1)
        )
        self.apply(_initialise)

    def modulated(
        self,
        h: Float[Tensor, "item channel H W"],
        feature: Float[Tensor, "item feature H W"],
        depth: int,
    ) -> Float[Tensor, "item channel H W"]:
        """Times one map for all channels, times one number for each."""
        parsed = self.ffparser[depth](self.conv_trans_blocks_a[depth](feature))
        return h * self.conv_trans_blocks_b[depth](parsed) * parsed.mean(dim=(2, 3), keepdim=True)

    def projected(self, deepest: Float[Tensor, "item channel H W"]) -> Float[Tensor, "item wide H W"] | None:
        """The bottleneck at the main network's width."""
        return None if self.random_projection is None else self.random_projection(deepest)


class Stage(nn.Module):
    """Units one after the other, through the widths given."""

    def __init__(self, widths: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Unit(a, b, dropout) for a, b in pairwise(widths)))

    def forward(self, x: Float[Tensor, "item channel H W"]) -> Float[Tensor, "item output H W"]:
        """All units at one resolution."""
        return self.blocks(x)


class Unit(nn.Module):
    """Convolution, dropout of whole channels, batch norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
        self.dropout = nn.Dropout2d(dropout)
        self.instnorm = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "item channel H W"]) -> Float[Tensor, "item output H W"]:
        """One step at one resolution."""
        return F.leaky_relu(self.instnorm(self.dropout(self.conv(x))), _SLOPE)


def magnified(x: Float[Tensor, "item channel H W"], factor: int) -> Float[Tensor, "item channel sH sW"]:
    """Bilinear, corners not aligned."""
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, a=_SLOPE)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
