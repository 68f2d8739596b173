"""The network of ImgX-DiffSeg without diffusion, its comparison (Fu et al. 2023, §4.2, "non-diffusion").

One call gives the mask, so there is one member and no steps; every claim about diffusion is held
against this.
"""

from __future__ import annotations

from collections.abc import Iterator

from jaxtyping import Float
from torch import Tensor, nn

from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.state import State
from napari_diffseg.methods.imgx import PRACTICE
from napari_diffseg.methods.method import Batch, Evaluate, Loss, MethodConfig
from napari_diffseg.methods.one_call import foreground_of, segmented
from napari_diffseg.methods.segmentation_loss import segmentation_loss
from napari_diffseg.networks.imgx_unet import ImgXUNet, ImgXUNetConfig
from napari_diffseg.results.options import SamplingOptions

__all__ = ["PRACTICE", "PRESETS", "Config", "build", "loss", "probabilities", "sample"]


class Config(MethodConfig):
    """The shape of the network, which knows no time."""

    unet: ImgXUNetConfig = ImgXUNetConfig(time="none")


PRESETS = {
    "paper": Config(),
    "paper-2d": Config(unet=ImgXUNetConfig(dimensions=2, time="none")),
    "small": Config(unet=ImgXUNetConfig(widths=(24, 48, 96, 128), time="none")),
}


def build(config: Config, *, channels: int, classes: int) -> ImgXUNet:
    """The image's channels in, logits out."""
    return ImgXUNet(config.unet, inputs=channels, outputs=classes)


def loss(config: Config, network: nn.Module, batch: Batch, draws: Draws) -> Loss:
    """Cross-entropy and Dice, as with diffusion."""
    return segmentation_loss(network(batch.image), batch.mask, batch.shown)


def sample(
    config: Config,
    network: Evaluate,
    image: Float[Tensor, "member channel *space"],
    noise: NoiseSource,
    options: SamplingOptions,
) -> Iterator[State]:
    """One call, no noise."""
    yield from segmented(network, image)


def probabilities(
    config: Config, x0: Float[Tensor, "member class *space"]
) -> Float[Tensor, "member foreground *space"]:
    """The softmax's foreground classes."""
    return foreground_of(x0)
