"""EnsemDiff: implicit segmentation ensembles (Wolleb et al., MIDL 2022, arXiv:2112.03145).

A diffusion model over the mask, with the scan as channels beside it at every step (§2). Noise is put on
the mask alone, and every new noise gives another plausible mask; their mean, cut at 0.5, is the ensemble's
answer and their variance shows where it is unsure (§3).
"""

from __future__ import annotations

from collections.abc import Iterator

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.state import State
from napari_diffseg.methods.foreground import probabilities_of
from napari_diffseg.methods.method import Batch, Evaluate, Loss
from napari_diffseg.methods.noise_prediction import NoisePredictionConfig, NoisyMask, draw_masks, loss_of
from napari_diffseg.methods.practice import Optimisation, Practice
from napari_diffseg.networks.guided_unet import GuidedUNet, GuidedUNetConfig
from napari_diffseg.results.options import SamplingOptions


class Config(NoisePredictionConfig):
    """The paper's settings.

    Attributes:
        unet: base width 128 and one attention head at resolution 16 (§3); the multipliers and two blocks
            a level are those of the released flags. Divides by 32.
        learned_variance: under the hybrid loss (§2). T = 1000 and the linear schedule (§3) are those of
            all noise predictors.
        steps: the whole chain (§3).
    """

    unet: GuidedUNetConfig = GuidedUNetConfig(
        dimensions=2, width=128, multipliers=(1, 1, 2, 2, 4, 4), blocks=2, attention_at=(16,), heads=1
    )
    learned_variance: bool = True
    steps: int = Field(1000, ge=1, le=1000)


PRESETS = {
    "paper": Config(),
    "small": Config(
        unet=GuidedUNetConfig(width=32, multipliers=(1, 2, 3, 4), blocks=1, attention_at=(8,)), steps=100
    ),
}

PRACTICE = Practice(
    optimisation=Optimisation(
        steps=60_000,
        batch=10,
        learning_rate=1e-4,
        warmup_steps=0,
        decay_steps=0,
        weight_decay=0.0,
        gradient_norm=None,
        ema=0.9999,
    )
)
"""§3, without augmentation; weight decay and moving average are the official code's."""


def build(config: Config, *, channels: int, classes: int) -> GuidedUNet:
    """Image channels and noisy foreground masks in; noise, and where learned its variance, out."""
    masks = config.mask_channels(classes)
    return GuidedUNet(config.unet, inputs=channels + masks, outputs=config.outputs(classes))


def loss(config: Config, network: nn.Module, batch: Batch, draws: Draws) -> Loss:
    """The hybrid loss at a random index (§2)."""
    noisy = NoisyMask.drawn(config.schedule, batch, draws)
    return loss_of(config.schedule, network, batch, noisy)


def sample(
    config: Config,
    network: Evaluate,
    image: Float[Tensor, "member channel *space"],
    noise: NoiseSource,
    options: SamplingOptions,
) -> Iterator[State]:
    """From noise to masks, the scan beside them at every step (§2)."""
    yield from draw_masks(config, network, image, noise, options)


def probabilities(
    config: Config, x0: Float[Tensor, "member class *space"]
) -> Float[Tensor, "member class *space"]:
    """The masks themselves: the paper averages them and cuts at 0.5."""
    return probabilities_of(x0)
