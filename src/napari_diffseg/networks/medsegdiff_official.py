"""The two networks that MedSegDiff's authors released, for their checkpoints. Neither is the paper's.

Both are EnsemDiff's network, one encoder over image and noisy mask together, beside a highway (see
highway.py) over the image. Parameters have the official names. Sizes that the released code fixes for a
width of 128 and 256 pixels are functions of both here.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from napari_diffseg.networks.guided_unet import GuidedUNet, GuidedUNetConfig
from napari_diffseg.networks.highway import (
    FUSED_STAGES,
    STAGES,
    Highway,
    ModulatedHighway,
    Passed,
    magnified,
)


class MedSegDiffOfficialConfig(GuidedUNetConfig):
    """Shape of the network; the defaults are those of the released flags.

    Attributes:
        dimensions: 2; there is no checkpoint for volumes.
        version: "new", the released default since April 2023: the highway's features are added to the
            first convolution's output, and no gradient of the diffusion loss reaches them. "v1": the
            main network's features modulate the highway.
        training_size: edge in pixels of the images trained on, for the maps of v1's FF-Parsers.
        projection: v1 adds the highway's bottleneck to its own through a 1×1 convolution, which the
            released code makes anew, with random weights, in every call: never trained, in no
            checkpoint, noise in every answer. Off leaves the sum out. On makes the convolution a layer
            like any other, `hwm.random_projection`.
    """

    dimensions: Literal[2] = 2
    version: Literal["new", "v1"] = "new"
    training_size: int = Field(256, ge=32, le=2048)
    projection: bool = False

    @property
    def divisor(self) -> int:
        """The highway halves five times."""
        return max(super().divisor, 2**STAGES)

    @model_validator(mode="after")
    def _fits_the_highway(self) -> MedSegDiffOfficialConfig:
        if self.width % 4:
            raise ValueError(
                f"width is {self.width}; the highway is a quarter as wide. Choose a multiple of 4."
            )
        if self.version == "v1" and len(self.multipliers) <= FUSED_STAGES:
            raise ValueError(
                f"multipliers names {len(self.multipliers)} levels; version v1 takes features of "
                f"{FUSED_STAGES} downsamplings. Name at least {FUSED_STAGES + 1}, or choose version new."
            )
        if self.projection and (self.version == "new" or len(self.multipliers) != STAGES + 1):
            raise ValueError(
                f"projection is for version v1 with {STAGES + 1} multipliers, so that both bottlenecks have "
                f"one size; this is version {self.version} with {len(self.multipliers)}. Turn it off."
            )
        return self


class MedSegDiffOfficial(GuidedUNet):
    """Image and noisy mask in; the prediction, then the calibration map as last channel, out.

    Args:
        config: shape of the network.
        channels: of the image.
        mask_channels: of x_t; one in all checkpoints.
        outputs: channels of the prediction, without the calibration map.
    """

    def __init__(
        self, config: MedSegDiffOfficialConfig, *, channels: int, mask_channels: int = 1, outputs: int
    ) -> None:
        super().__init__(config, inputs=channels + mask_channels, outputs=outputs)
        self.channels, self.mask_channels = channels, mask_channels
        self.hwm = _highway(config, channels)

    def forward(
        self, x: Float[Tensor, "item channel *space"], t: Float[Tensor, " item"]
    ) -> Float[Tensor, "item output *space"]:
        """The prediction and, in [0, 1], the highway's own mask.

        Args:
            x: image channels, then x_t; sizes are multiples of `config.divisor`.
            t: index of the training chain.
        """
        emb = self.time_embed(t)
        image, _ = x.split((self.channels, self.mask_channels), dim=1)
        stem, *_ = self.input_blocks
        h = stem(x, emb)
        if isinstance(self.hwm, ModulatedHighway):
            skips = self.encoded(h, emb)
            passed = self.hwm(image, [skips[place] for place in _downsamplings(self.config)])
            h = skips[-1] if passed.embedding is None else skips[-1] + passed.embedding
        else:
            passed = self.hwm(image)
            skips = self.encoded(h + _embedding(passed).detach(), emb)
            h = skips[-1]
        prediction = self.decoded(self.middle_block(h, emb), skips, emb)
        return torch.cat([prediction, passed.calibration.to(prediction.dtype)], dim=1)


def _highway(config: MedSegDiffOfficialConfig, channels: int) -> Highway:
    width = config.width // 4
    if config.version == "new":
        return Highway(channels, width)
    return ModulatedHighway(
        channels,
        width,
        features=config.widths[:FUSED_STAGES],
        training_size=config.training_size,
        projection=config.widths[-1] if config.projection else None,
    )


def _embedding(passed: Passed) -> Tensor:
    """Features of a half (twice) and of a quarter of the size, as wide together as the main network."""
    *_, quarter, half, _ = passed.decoded
    half = magnified(half, 2)
    return torch.cat([half, half, magnified(quarter, 4)], dim=1)


def _downsamplings(config: GuidedUNetConfig) -> list[int]:
    """Places of the first four among the entries of the way down; the first convolution is entry 0."""
    return list(accumulate(blocks + 1 for blocks in config.blocks_at[:FUSED_STAGES]))
