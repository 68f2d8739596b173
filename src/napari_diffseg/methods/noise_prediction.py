"""The network sees the image beside a noisy mask and predicts the noise: EnsemDiff, PatchDDM, MedSegDiff.

Masks are 0 and 1 as in the three official codes, never −1 and 1; the estimate of the clean mask is cut to
[−1, 1] when sampling and left alone in the objective.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float, Int64
from pydantic import Field
from torch import Tensor, nn

from napari_diffseg.diffusion.ddpm import Variance
from napari_diffseg.diffusion.discrete import DiscreteSchedule
from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.diffusion.forward import noised
from napari_diffseg.diffusion.hybrid_loss import noise_error, variance_bound
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.state import State
from napari_diffseg.diffusion.target import Denoised, denoised
from napari_diffseg.methods.foreground import foreground, image_then_mask
from napari_diffseg.methods.method import Batch, DiffusionConfig, Evaluate, Loss, draw_as_asked
from napari_diffseg.results.options import SamplingOptions

_CLIP = (-1.0, 1.0)


class NoisePredictionConfig(DiffusionConfig):
    """What the three papers have in common.

    Attributes:
        train_steps: T.
        noise_schedule: of the training chain, in the guided-diffusion family's scaling.
        learned_variance: the network says its variance too, under the hybrid loss.
    """

    train_steps: int = Field(1000, ge=2, le=100_000)
    noise_schedule: Literal["linear", "cosine"] = "linear"
    learned_variance: bool = False

    @property
    def schedule(self) -> DiscreteSchedule:
        """The training chain."""
        return DiscreteSchedule.guided(self.train_steps, self.noise_schedule)

    def outputs(self, classes: int) -> int:
        """Of a network: noise and, where learned its variance, for each mask of so many classes."""
        return self.mask_channels(classes) * (2 if self.learned_variance else 1)


@dataclass(frozen=True, slots=True, eq=False)
class NoisyMask:
    """Training items at chosen indices of the chain.

    Args:
        index: of the chain, one an item.
        x0: clean foreground masks.
        noise: that was put on them.
        x_t: the noisy masks.
    """

    index: Int64[Tensor, " item"]
    x0: Float[Tensor, "item class *space"]
    noise: Float[Tensor, "item class *space"]
    x_t: Float[Tensor, "item class *space"]

    @classmethod
    def drawn(cls, schedule: DiscreteSchedule, batch: Batch, draws: Draws) -> NoisyMask:
        """Every index of the chain equally likely (Ho et al. 2020, algorithm 1)."""
        index = draws.integers(schedule.train_steps)
        noise = draws.normal(foreground(batch.mask).shape[1:])
        return cls.at(schedule, batch, index, noise)

    @classmethod
    def at(
        cls,
        schedule: DiscreteSchedule,
        batch: Batch,
        index: Int64[Tensor, " item"],
        noise: Float[Tensor, "item foreground *space"],
    ) -> NoisyMask:
        """At given indices and with given noise."""
        x0 = foreground(batch.mask)
        noise = noise.to(x0)
        return cls(index, x0, noise, noised(x0, noise, schedule.alpha_bars(schedule.time(index))))


def loss_of(schedule: DiscreteSchedule, network: nn.Module, batch: Batch, noisy: NoisyMask) -> Loss:
    """The error of the noise and, where the network says its variance, the bound: the hybrid loss."""
    parts = hybrid_loss(schedule, output_of(network, batch, noisy), noisy)
    return Loss.of({name: part.mean() for name, part in parts.items()})


def output_of(network: nn.Module, batch: Batch, noisy: NoisyMask) -> Float[Tensor, "item output *space"]:
    """What the network says of the noisy masks, in float32."""
    x = image_then_mask(batch.image, noisy.x_t)
    output: Tensor = network(x, noisy.index.to(x)).float()
    return output


def hybrid_loss(
    schedule: DiscreteSchedule, output: Float[Tensor, "item output *space"], noisy: NoisyMask
) -> dict[str, Float[Tensor, " item"]]:
    """Its parts for each item: noise first in `output`, then perhaps a variance channel a class.

    The bound's weight is train_steps / 1000 (Nichol and Dhariwal 2021, eq. 16 with λ = 0.001), which is 1
    in all papers here.
    """
    noise_hat, spread = _split(output, noisy.x0.shape[1])
    parts = {"noise_error": noise_error(noise_hat, noisy.noise)}
    if spread is not None:
        bound = variance_bound(schedule, noisy.index, noisy.x0, noisy.x_t, noise_hat, spread)
        parts["variance_bound"] = bound * (schedule.train_steps / 1000)
    return parts


def draw_masks(
    config: NoisePredictionConfig,
    network: Evaluate,
    image: Float[Tensor, "member channel *space"],
    noise: NoiseSource,
    options: SamplingOptions,
) -> Iterator[State]:
    """From noise to masks; fewer steps than the chain has respace it."""
    said = partial(denoise, config.schedule, network, image)
    variance: Variance = "learned" if config.learned_variance else "large"
    yield from draw_as_asked(config, options, said, noise, variance=variance)


def denoise(schedule: DiscreteSchedule, network: Evaluate, image: Tensor, x_t: Tensor, t: float) -> Denoised:
    """The network is asked at the training chain's index, whatever the steps."""
    index = torch.full((len(x_t),), float(schedule.index(t)), device=x_t.device)
    noise_hat, spread = _split(network(image_then_mask(image, x_t), index).float(), x_t.shape[1])
    return denoised("noise", noise_hat, x_t, schedule.alpha_bar(t), clip=_CLIP, spread=spread)


def _split(output: Tensor, classes: int) -> tuple[Tensor, Tensor | None]:
    """Noise and, where there is one, the variance between the smallest and the largest."""
    noise_hat, *spread = output.split(classes, dim=1)
    return noise_hat, spread[0] if spread else None
