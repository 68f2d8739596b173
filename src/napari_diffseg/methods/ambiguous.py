"""Diffusion models for ambiguous segmentation (Christensen et al. 2025).

Several experts, several answers: each sample stands for one of them. Continuous time, a noise schedule made
harder by input scaling (§3.2), the mask or v predicted rather than the noise (§3.3), and a weighting that
leaves the noisy end its say (§3.4). There is no consensus in the paper: the samples are the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from jaxtyping import Float, Float64
from pydantic import Field
from torch import Tensor, nn

from napari_diffseg.diffusion.continuous import ContinuousSchedule
from napari_diffseg.diffusion.ddpm import Variance
from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.diffusion.forward import noised
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.schedule import Kind, log_snr
from napari_diffseg.diffusion.state import State
from napari_diffseg.diffusion.target import Denoised, Target, denoised, x0_from
from napari_diffseg.diffusion.weighting import Weighting, weight
from napari_diffseg.methods.foreground import foreground, probabilities_of
from napari_diffseg.methods.method import Batch, DiffusionConfig, Evaluate, Loss, draw_as_asked
from napari_diffseg.methods.practice import Optimisation, Practice
from napari_diffseg.networks.guided_unet import GuidedUNet, GuidedUNetConfig
from napari_diffseg.results.options import Sampler, SamplingOptions

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


class Config(DiffusionConfig):
    """The paper's settings.

    Attributes:
        unet: 32 to 128 channels, one to four blocks a level, attention at the lowest (supplement). Times
            enter as they are, 0 to 1, hence the short longest period (official code). Divides by 8.
        predict: the mask; its network ends in a hyperbolic tangent (§4, official code).
        noise_schedule: cosine (§4).
        input_scale: b (§4); below 1 makes the schedule harder.
        weighting: of the error of x0 (§4).
        sigmoid_bias: of the sigmoid weighting; −6 did best (§3.4, figure).
        slope_weight: multiply by −d log SNR / dt, as the paper writes the sigmoid weighting (§3.4).
        clip: x0 is cut to [−1, 1] when sampling, the noise left as it was (official code).
        variance: of a DDPM step: the posterior's in the paper (eq. 2).
        steps: network calls (§4.2).
        sampler: DDIM for central crops (§4.2).
        rgb: the network wants a grey image in [0, 1] as three channels in the scaling of ImageNet: for
            imported weights.
    """

    unet: GuidedUNetConfig = GuidedUNetConfig(
        dimensions=2,
        width=32,
        multipliers=(1, 1, 2, 4),
        blocks=(1, 2, 3, 4),
        attention_at=(8,),
        middle_blocks=4,
        heads=1,
        groups=None,
        longest_period=10.0,
    )
    predict: Target = "x0"
    noise_schedule: Kind = "cosine"
    input_scale: float = Field(0.1, gt=0, le=10)
    weighting: Weighting = "truncated-snr"
    sigmoid_bias: float = Field(-6.0, ge=-20, le=20)
    slope_weight: bool = False
    clip: bool = True
    variance: Variance = "small"
    steps: int = Field(10, ge=1, le=1000)
    sampler: Sampler = "ddim"
    rgb: bool = False

    @property
    def schedule(self) -> ContinuousSchedule:
        """Of the mask in [−1, 1]."""
        return ContinuousSchedule(self.noise_schedule, self.input_scale)


_OFFICIAL_UNET = Config().unet.model_copy(update={"heads": 4})
_SMALL_UNET = Config().unet.model_copy(update={"multipliers": (1, 1, 2, 3), "blocks": 1, "middle_blocks": 2})
PRESETS = {
    "paper": Config(),
    "official": Config(unet=_OFFICIAL_UNET, weighting="snr+1", variance="large", sampler="ddpm", rgb=True),
    "small": Config(unet=_SMALL_UNET),
}

PRACTICE = Practice(
    optimisation=Optimisation(
        steps=400_000, batch=8, learning_rate=1e-4, warmup_steps=1000, decay_steps=100_000
    )
)
"""Supplement; the warm-up is the official code's, which changes no image in training."""


def build(config: Config, *, channels: int, classes: int) -> GuidedUNet:
    """Noisy foreground masks, then the image's channels in; one output a mask."""
    masks = config.mask_channels(classes)
    images = channels * (len(_IMAGENET_MEAN) if config.rgb else 1)
    return GuidedUNet(config.unet, inputs=masks + images, outputs=masks)


def loss(config: Config, network: nn.Module, batch: Batch, draws: Draws) -> Loss:
    """The weighted error of x0 at times spread over the batch (§3.4; official code for the times)."""
    times = draws.stratified()
    noise = draws.normal(foreground(batch.mask).shape[1:])
    return loss_at(config, network, batch, times, noise)


def loss_at(
    config: Config,
    network: nn.Module,
    batch: Batch,
    times: Float64[Tensor, " item"],
    noise: Float[Tensor, "item foreground *space"],
) -> Loss:
    """The objective at given times and noise."""
    x0 = 2 * foreground(batch.mask) - 1
    alpha_bar = config.schedule.alpha_bars(times)
    x_t = noised(x0, noise.to(x0), alpha_bar)
    output = _output(config, network, batch.image, x_t, times.to(x0))
    error = (x0_from(config.predict, output, x_t, alpha_bar) - x0).square().flatten(1).mean(1)
    return Loss.of({"weighted_error": (weights(config, times).to(error) * error).mean()})


def weights(config: Config, times: Float64[Tensor, " item"]) -> Float64[Tensor, " item"]:
    """Of the error of x0 at each time (§3.4)."""
    schedule = config.schedule
    found = weight(config.weighting, log_snr(schedule.alpha_bars(times)), bias=config.sigmoid_bias)
    return -schedule.log_snr_slope(times) * found if config.slope_weight else found


def sample(
    config: Config,
    network: Evaluate,
    image: Float[Tensor, "member channel *space"],
    noise: NoiseSource,
    options: SamplingOptions,
) -> Iterator[State]:
    """From noise to masks (eq. 2 and §4.2); the last x0 is the answer."""
    said = partial(denoise, config, network, image)
    yield from draw_as_asked(config, options, said, noise, variance=config.variance)


def denoise(
    config: Config,
    network: Evaluate,
    image: Float[Tensor, "member channel *space"],
    x_t: Float[Tensor, "member class *space"],
    t: float,
) -> Denoised:
    """The network as samplers call it."""
    output = _output(config, network, image, x_t, torch.full((len(x_t),), t, device=x_t.device))
    clip = (-1.0, 1.0) if config.clip else None
    return denoised(config.predict, output, x_t, config.schedule.alpha_bar(t), clip=clip, keep_noise=True)


def probabilities(
    config: Config, x0: Float[Tensor, "member class *space"]
) -> Float[Tensor, "member class *space"]:
    """From [−1, 1]; the paper's mask, x0 > 0, is 0.5 here."""
    return probabilities_of((x0 + 1) / 2)


def _output(config: Config, network: Evaluate, image: Tensor, x_t: Tensor, times: Tensor) -> Tensor:
    """Of a network that takes the noisy mask first."""
    seen = _as_imagenet(image) if config.rgb else image
    output = network(torch.cat([x_t, seen], dim=1), times).float()
    return output.tanh() if config.predict == "x0" else output


def _as_imagenet(image: Tensor) -> Tensor:
    """Each channel three times, brought to the mean and deviation of ImageNet's colours."""
    shape = (1, len(_IMAGENET_MEAN), *(1,) * (image.ndim - 2))
    mean, std = (image.new_tensor(values).view(shape) for values in (_IMAGENET_MEAN, _IMAGENET_STD))
    return torch.cat([(channel - mean) / std for channel in image.split(1, dim=1)], dim=1)
