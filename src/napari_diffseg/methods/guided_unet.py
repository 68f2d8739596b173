"""The guided-diffusion U-Net without diffusion (Dhariwal & Nichol 2021, arXiv:2105.05233).

EnsemDiff, PatchDDM, MedSegDiff and the ambiguous models are held against it. It sees the image alone and
gives the mask in one call, and learns as ImgX-DiffSeg's comparison does (`imgx_unet`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.state import State
from napari_diffseg.methods import ambiguous
from napari_diffseg.methods.ambiguous import PRACTICE
from napari_diffseg.methods.method import COORDINATES, Batch, Evaluate, Loss, MethodConfig
from napari_diffseg.methods.one_call import foreground_of, segmented
from napari_diffseg.methods.segmentation_loss import segmentation_loss
from napari_diffseg.networks.guided_unet import GuidedUNet, GuidedUNetConfig
from napari_diffseg.results.options import SamplingOptions

__all__ = ["PRACTICE", "PRESETS", "Config", "build", "loss", "probabilities", "sample"]


class Config(MethodConfig):
    """The shape of the network, and what it sees.

    Attributes:
        unet: by default that of the ambiguous models.
        places: the network also sees where each voxel lies in the scan, as PatchDDM's does.
    """

    unet: GuidedUNetConfig = ambiguous.Config().unet
    places: bool = False

    @property
    def coordinates(self) -> bool:
        """Where they are asked for."""
        return self.places


PRESETS = {
    "paper": Config(),
    "small": Config(unet=ambiguous.PRESETS["small"].unet),
}


def build(config: Config, *, channels: int, classes: int) -> GuidedUNet:
    """The image's channels, and perhaps coordinates, in; logits of all classes out."""
    places = COORDINATES if config.places else 0
    return GuidedUNet(config.unet, inputs=channels + places, outputs=classes)


def loss(config: Config, network: nn.Module, batch: Batch, draws: Draws) -> Loss:
    """Cross-entropy and Dice."""
    return segmentation_loss(_at_time_zero(network, batch.image), batch.mask, batch.shown)


def sample(
    config: Config,
    network: Evaluate,
    image: Float[Tensor, "member channel *space"],
    noise: NoiseSource,
    options: SamplingOptions,
) -> Iterator[State]:
    """One call, no noise."""
    yield from segmented(partial(_at_time_zero, network), image)


def probabilities(
    config: Config, x0: Float[Tensor, "member class *space"]
) -> Float[Tensor, "member foreground *space"]:
    """The softmax's foreground classes."""
    return foreground_of(x0)


def _at_time_zero(network: Evaluate, image: Tensor) -> Tensor:
    """Without noise there is no time; the network asks for one, and gets the same always."""
    return network(image, image.new_zeros(len(image)))
