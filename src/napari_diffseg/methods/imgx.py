"""ImgX-DiffSeg: diffusion on one-hot masks, trained as it is sampled (Fu et al. 2023, arXiv:2303.06040).

The network sees the image beside a noisy mask and predicts the clean one. Three choices bring training
near to sampling: it predicts the mask under Dice and cross-entropy (§3.3), the mask that is noised is
the network's own prediction (recycling, §3.1), and training has the few steps of sampling (§3.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float, Int64
from pydantic import Field
from torch import Tensor, nn

from napari_diffseg.diffusion.discrete import DiscreteSchedule
from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.diffusion.forward import noised
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.state import State
from napari_diffseg.diffusion.target import Denoised, denoised
from napari_diffseg.methods.method import Batch, DiffusionConfig, Evaluate, Loss, draw_as_asked
from napari_diffseg.methods.practice import Augmentation, Optimisation, Practice
from napari_diffseg.methods.segmentation_loss import segmentation_loss
from napari_diffseg.networks.imgx_unet import ImgXUNet, ImgXUNetConfig
from napari_diffseg.results.options import SamplingOptions


class Config(DiffusionConfig):
    """The paper's settings.

    Attributes:
        unet: shape of the network.
        train_steps: length of the chain; the code's 1001 makes (T − 1) / (K − 1) whole for K = 5, the
            paper says 1000.
        beta_start: first variance (§3.2).
        beta_end: last variance (§3.2).
        steps: K, kept for training and by default for sampling (§3.2).
        recycling: noise the network's own prediction instead of the truth (§3.1).
        variance: of a DDPM step: β̃ in the paper ("small"), β in the code's configs ("large").
    """

    unet: ImgXUNetConfig = ImgXUNetConfig()
    train_steps: int = Field(1001, ge=2, le=100_000)
    beta_start: float = Field(1e-4, gt=0, lt=1)
    beta_end: float = Field(0.02, gt=0, lt=1)
    steps: int = Field(5, ge=1, le=1000)
    recycling: bool = True
    variance: Literal["small", "large"] = "small"

    @property
    def schedule(self) -> DiscreteSchedule:
        """The full chain, of which `steps` times are kept."""
        return DiscreteSchedule(self.train_steps, "linear", self.beta_start, self.beta_end)

    def mask_channels(self, classes: int) -> int:
        """One-hot with background (§3.1)."""
        return classes


PRESETS = {
    "paper": Config(),
    "paper-2d": Config(unet=ImgXUNetConfig(dimensions=2)),
    "small": Config(unet=ImgXUNetConfig(widths=(24, 48, 96, 128))),
}

PRACTICE = Practice(
    optimisation=Optimisation(steps=12_500, batch=8, learning_rate=1e-4, warmup_steps=100, weight_decay=1e-8),
    augmentation=Augmentation(
        rotation=(0.088, 0.088, 0.088), scaling=(0.15, 0.15, 0.15), translation_voxels=(4.0, 20.0, 20.0)
    ),
)
"""Official code, whose rate falls to a hundredth by step 10,000 and stays there; translation as for MR."""


def build(config: Config, *, channels: int, classes: int) -> ImgXUNet:
    """The image's channels and the noisy mask's classes in, logits out."""
    return ImgXUNet(config.unet, inputs=channels + classes, outputs=classes)


def loss(config: Config, network: nn.Module, batch: Batch, draws: Draws) -> Loss:
    """Cross-entropy and Dice of the mask predicted at a random kept time (§3.1 to §3.3)."""
    index = draws.integers(config.steps)
    recycled, main = (draws.normal(batch.mask.shape[1:]).to(batch.mask) for _ in range(2))
    return loss_at(config, network, batch, index, recycled=recycled, main=main)


def loss_at(
    config: Config,
    network: nn.Module,
    batch: Batch,
    index: Int64[Tensor, " item"],
    *,
    recycled: Float[Tensor, "item class *space"],
    main: Float[Tensor, "item class *space"],
) -> Loss:
    """The objective at given times and noises.

    Args:
        config: the method's settings.
        network: that is trained.
        batch: images and true masks.
        index: of the kept time, 0 the cleanest.
        recycled: noise of the pass whose prediction is noised again, one kept time noisier.
        main: noise of the pass that is scored.
    """
    schedule, x0 = config.schedule, _scaled(batch.mask)
    times = torch.tensor(schedule.times(config.steps)[-2::-1], dtype=torch.float64)  # cleanest first

    def predict(x0: Tensor, index: Tensor, noise: Tensor) -> Tensor:
        t = times[index]
        x_t = noised(x0, noise, schedule.alpha_bars(t))
        logits: Tensor = network(torch.cat([batch.image, x_t], dim=1), t.to(x0))
        return logits

    if config.recycling:
        with torch.no_grad():
            noisier = (index + 1).clamp(max=config.steps - 1)
            x0 = _scaled(predict(x0, noisier, recycled).float().softmax(dim=1))
    return segmentation_loss(predict(x0, index, main), batch.mask, batch.shown)


def sample(
    config: Config,
    network: Evaluate,
    image: Float[Tensor, "member channel *space"],
    noise: NoiseSource,
    options: SamplingOptions,
) -> Iterator[State]:
    """From noise to masks in `options.steps` network calls (§3.2); the last x0 is the answer."""
    denoise = partial(_denoise, config, network, image)
    yield from draw_as_asked(config, options, denoise, noise, variance=config.variance)


def probabilities(
    config: Config, x0: Float[Tensor, "member class *space"]
) -> Float[Tensor, "member foreground *space"]:
    """The softmax's foreground classes."""
    return ((x0 + 1) / 2).clamp(0, 1)[:, 1:]


def _denoise(config: Config, network: Evaluate, image: Tensor, x_t: Tensor, t: float) -> Denoised:
    times = torch.full((len(x_t),), t, dtype=x_t.dtype, device=x_t.device)
    x0 = _scaled(network(torch.cat([image, x_t], dim=1), times).float().softmax(dim=1))
    return denoised("x0", x0, x_t, config.schedule.alpha_bar(t))


def _scaled(probabilities: Tensor) -> Tensor:
    """Probabilities as the diffusion sees them, in [−1, 1]."""
    return 2 * probabilities - 1
