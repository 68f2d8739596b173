"""PatchDDM: whole volumes after training on patches (Bieder et al., MIDL 2023, arXiv:2303.15288).

EnsemDiff's diffusion in 3D with a network that has no attention and averages its skips, so that it takes
any size. It is trained on patches that carry their place in the volume as three channels and sees the
whole volume when sampling (§2.3). FullRes is the same network trained on whole volumes, HalfRes on volumes
of half the resolution (§2.3, baselines); neither has coordinates.
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
from napari_diffseg.methods.foreground import probabilities_of
from napari_diffseg.methods.method import COORDINATES, Batch, Evaluate, Loss
from napari_diffseg.methods.noise_prediction import NoisePredictionConfig, NoisyMask, draw_masks, loss_of
from napari_diffseg.methods.practice import Optimisation, Practice
from napari_diffseg.networks.guided_unet import GuidedUNet, GuidedUNetConfig
from napari_diffseg.results.options import Sampler, SamplingOptions

_UNET = GuidedUNetConfig(
    dimensions=3,
    width=29,
    multipliers=(1, 3, 4, 4, 4, 4, 4),
    blocks=2,
    attention_at=(),
    middle_attention=False,
    groups=29,
    skips="averaged",
)


class Config(NoisePredictionConfig):
    """The paper's settings.

    Attributes:
        unet: the released run script's: width 29 (1.61 times that of concatenated skips, §2.2), seven
            levels, no attention. Divides by 64.
        variant: PatchDDM, or one of the paper's baselines.
        patch: edge of a training patch in voxels (§3); a smaller volume is taken whole.
        steps: 20 come near to all 1000 (§4, figure 5). T = 1000 and the linear schedule (§3, which prints
            its two ends the wrong way round) are those of all noise predictors.
        sampler: DDIM, whose start decides everything (§2.1).
    """

    unet: GuidedUNetConfig = _UNET
    variant: Literal["patchddm", "fullres", "halfres"] = "patchddm"
    patch: int = Field(128, ge=1, le=4096)
    steps: int = Field(20, ge=1, le=1000)
    sampler: Sampler = "ddim"

    @property
    def coordinates(self) -> bool:
        """Where patches are trained on (§2.3)."""
        return self.variant == "patchddm"

    @property
    def divisor(self) -> int:
        """HalfRes halves once more."""
        return self.unet.divisor * (2 if self.variant == "halfres" else 1)


PRESETS = {
    "paper": Config(),
    "fullres": Config(variant="fullres"),
    "halfres": Config(variant="halfres"),
    "small": Config(
        unet=_UNET.model_copy(update={"width": 24, "groups": 8, "multipliers": (1, 2, 3, 4), "blocks": 1}),
        patch=32,
    ),
}

PRACTICE = Practice(
    optimisation=Optimisation(
        steps=4_400_000, batch=1, learning_rate=1e-5, warmup_steps=0, decay_steps=0, gradient_norm=None
    )
)
"""§3; 420 hours at 0.34 s a step (table 1)."""


def build(config: Config, *, channels: int, classes: int) -> GuidedUNet:
    """Image, coordinates and noisy foreground masks in; noise out."""
    masks = config.mask_channels(classes)
    places = COORDINATES if config.coordinates else 0
    return GuidedUNet(config.unet, inputs=channels + places + masks, outputs=config.outputs(classes))


def loss(config: Config, network: nn.Module, batch: Batch, draws: Draws) -> Loss:
    """The error of the noise on a patch, a whole volume, or one of half the resolution (§2.3)."""
    batch = _seen(config, batch, draws)
    return loss_of(config.schedule, network, batch, NoisyMask.drawn(config.schedule, batch, draws))


def sample(
    config: Config,
    network: Evaluate,
    image: Float[Tensor, "member channel *space"],
    noise: NoiseSource,
    options: SamplingOptions,
) -> Iterator[State]:
    """From noise to masks of the whole volume (§2.3); HalfRes is brought back to its resolution."""
    if config.variant != "halfres":
        yield from draw_masks(config, network, image, noise, options)
        return
    half = _halved(image)
    noise = replace(noise, shape=(*noise.shape[:1], *half.shape[2:]))
    for state in draw_masks(config, network, half, noise, options):
        yield replace(state, x_t=_doubled(state.x_t), x0=_doubled(state.x0))


def probabilities(
    config: Config, x0: Float[Tensor, "member class *space"]
) -> Float[Tensor, "member class *space"]:
    """The masks themselves, cut at 0.5 as in EnsemDiff (§2.4)."""
    return probabilities_of(x0)


def patch_start(size: int, patch: int, x: float, y: float) -> int:
    """Where a patch begins along one axis, the centre more likely (§2.3, appendix A, figure 6).

    Over the places that a patch can have, from −1 to 1, the law is that of X + Y, X uniform in ±1/3 and Y
    in ±2/3. `x` and `y` say where in their ranges these two lie, uniform in [0, 1).
    """
    place = (x + 2 * y) / 3
    return round(place * max(0, size - patch))


def _seen(config: Config, batch: Batch, draws: Draws) -> Batch:
    if config.variant == "fullres":
        return batch
    if config.variant == "halfres":
        return Batch(_halved(batch.image), _halved(batch.mask))
    items = zip(batch.image, batch.mask, draws.uniform(batch.mask.ndim - 2, 2), strict=True)
    patches = [_patch(config, *item) for item in items]
    return Batch(*(torch.stack(part) for part in zip(*patches, strict=True)))


def _patch(config: Config, image: Tensor, mask: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    for axis, (size, pair) in enumerate(zip(mask.shape[1:], uniform.tolist(), strict=True), start=1):
        start, length = patch_start(size, config.patch, *pair), min(size, config.patch)
        image, mask = image.narrow(axis, start, length), mask.narrow(axis, start, length)
    return image, mask


def _halved(values: Tensor) -> Tensor:
    """Every second voxel, as in the official code; nothing is averaged."""
    for axis in range(2, values.ndim):
        values = values.index_select(axis, torch.arange(0, values.shape[axis], 2, device=values.device))
    return values


def _doubled(values: Tensor) -> Tensor:
    """Twice the size, linearly; voxel i of the half lies on voxel 2i of the whole, not between two."""
    inner = [2 * n - 1 for n in values.shape[2:]]
    mode = "trilinear" if values.ndim == 5 else "bilinear"
    spread = F.interpolate(values, inner, mode=mode, align_corners=True)
    return F.pad(spread, (0, 1) * len(inner), mode="replicate")
