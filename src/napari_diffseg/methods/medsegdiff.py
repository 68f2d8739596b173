"""MedSegDiff (Wu et al., MIDL 2023, arXiv:2211.00611).

A noise predictor with an encoder of its own for the scan. What the mask's encoder sees at a step steers the
scan's features (Dynamic Conditional Encoding, §2.1), cleaned of high frequencies (FF-Parser, §2.2). Several
runs are fused by STAPLE (§3.2). Without both parts it is SegDiff, the paper's ablation (§3.4).

The released networks are others than the paper's; they are here for imported weights alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.state import State
from napari_diffseg.errors import CheckpointError
from napari_diffseg.methods.foreground import foreground, probabilities_of
from napari_diffseg.methods.method import Batch, Evaluate, Loss
from napari_diffseg.methods.noise_prediction import (
    NoisePredictionConfig,
    NoisyMask,
    draw_masks,
    hybrid_loss,
    output_of,
)
from napari_diffseg.methods.practice import Optimisation, Practice
from napari_diffseg.networks.medsegdiff_official import MedSegDiffOfficial, MedSegDiffOfficialConfig
from napari_diffseg.networks.medsegdiff_unet import MedSegDiffUNet, MedSegDiffUNetConfig
from napari_diffseg.results.options import Fusion, SamplingOptions

_AGREEING = 0.65


class Config(NoisePredictionConfig):
    """The paper's settings.

    Attributes:
        unet: the paper's network, "B" by default; or an official one.
        calibration_weight: of an official network's calibration map in the loss (official code).
        answer: an official network's sample, or the sample joined with its calibration map (official
            code, version 1).
        steps: 100 (§3.2).
        fusion: STAPLE (§3.2).
    """

    unet: MedSegDiffUNetConfig | MedSegDiffOfficialConfig = MedSegDiffUNetConfig()
    calibration_weight: float = Field(10.0, ge=0, le=1000)
    answer: Literal["sample", "calibrated"] = "sample"
    steps: int = Field(100, ge=1, le=1000)
    fusion: Fusion = "staple"

    @property
    def official(self) -> bool:
        """Whether the network is a released one, whose last output is a calibration map."""
        return isinstance(self.unet, MedSegDiffOfficialConfig)


def _downsampled(times: int, **others: object) -> Config:
    """The paper's S, B and L halve four, five and six times."""
    multipliers = (1, 1, 2, 2, 4, 4, 4)[: times + 1]
    return Config(unet=MedSegDiffUNetConfig.model_validate({"multipliers": multipliers, **others}))


PRESETS = {
    "paper": _downsampled(5),
    "paper-s": _downsampled(4),
    "paper-l": _downsampled(6),
    "segdiff": _downsampled(5, conditioning="none"),
    "dynamic-only": _downsampled(5, conditioning="dynamic"),
    "small": Config(
        unet=MedSegDiffUNetConfig(
            width=32, multipliers=(1, 2, 3, 4), blocks=(1,), attention_at=(8,), training_size=64
        )
    ),
}

PRACTICE = Practice(
    optimisation=Optimisation(
        steps=60_000, batch=32, learning_rate=1e-4, warmup_steps=0, decay_steps=0, gradient_norm=None
    )
)
"""§3.2; the number of steps is that of SegDiff, as the paper names none for its own."""


def build(config: Config, *, channels: int, classes: int) -> MedSegDiffUNet | MedSegDiffOfficial:
    """Image channels and noisy foreground masks in; noise, and where learned its variance, out.

    Raises:
        CheckpointError: an official network for several classes.
    """
    masks = config.mask_channels(classes)
    if isinstance(config.unet, MedSegDiffUNetConfig):
        return MedSegDiffUNet(
            config.unet, channels=channels, mask_channels=masks, outputs=config.outputs(classes)
        )
    if masks != 1:
        raise CheckpointError(
            f"MedSegDiff's released networks know one class, and {masks} were asked for. "
            "Use the paper's network for several classes."
        )
    return MedSegDiffOfficial(
        config.unet, channels=channels, mask_channels=masks, outputs=config.outputs(classes)
    )


def loss(config: Config, network: nn.Module, batch: Batch, draws: Draws) -> Loss:
    """The error of the noise (eq. 2); official networks add the bound and the calibration map's error."""
    noisy = NoisyMask.drawn(config.schedule, batch, draws)
    output, calibration = _without_calibration(config, output_of(network, batch, noisy))
    parts = {name: part.mean() for name, part in hybrid_loss(config.schedule, output, noisy).items()}
    if calibration is not None:
        error = F.mse_loss(calibration, foreground(batch.mask))
        parts["calibration_error"] = config.calibration_weight * error
    return Loss.of(parts)


def sample(
    config: Config,
    network: Evaluate,
    image: Float[Tensor, "member channel *space"],
    noise: NoiseSource,
    options: SamplingOptions,
) -> Iterator[State]:
    """From noise to masks in respaced ancestral steps (§3.2)."""
    calibration: Tensor | None = None

    def evaluate(x: Tensor, index: Tensor) -> Tensor:
        nonlocal calibration
        output, calibration = _without_calibration(config, network(x, index))
        return output

    for state in draw_masks(config, evaluate, image, noise, options):
        last = state.step == state.steps and config.answer == "calibrated"
        if last and calibration is not None:
            yield replace(state, x0=calibrated(state.x0, calibration))
        else:
            yield state


def calibrated(
    mask: Float[Tensor, "member one *space"], calibration: Float[Tensor, "member one *space"]
) -> Float[Tensor, "member one *space"]:
    """The official code's join of a sample with the calibration map, cut to [0, 1].

    Half of each where their Dice is at least 0.65, otherwise the map and a quarter of the sample. The Dice is
    each member's own; the official code takes it over its batch, which is of one.
    """
    space = tuple(range(1, mask.ndim))
    found = (mask > 0).to(calibration)
    overlap, total = (found * calibration).sum(space, True), (found + calibration).sum(space, True)
    agreeing = 2 * overlap / total.clamp(min=1e-12) >= _AGREEING
    return torch.where(agreeing, mask / 2 + calibration / 2, calibration + mask / 4).clamp(0, 1)


def probabilities(
    config: Config, x0: Float[Tensor, "member class *space"]
) -> Float[Tensor, "member class *space"]:
    """The masks themselves."""
    return probabilities_of(x0)


def _without_calibration(config: Config, output: Tensor) -> tuple[Tensor, Tensor | None]:
    if not config.official:
        return output, None
    noise_and_variance, calibration = output.split([output.shape[1] - 1, 1], dim=1)
    return noise_and_variance, calibration
