"""What a method is: a module with a config, a network, an objective and a sampler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from napari_diffseg.diffusion.ddpm import Variance
from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.sampler import draw
from napari_diffseg.diffusion.schedule import Schedule
from napari_diffseg.diffusion.state import Denoise, State
from napari_diffseg.methods.practice import Practice
from napari_diffseg.networks.config import NetworkConfig
from napari_diffseg.results.options import Fusion, Sampler, SamplingOptions

COORDINATES = 3
"""Channels that say where a voxel lies, along (D, H, W)."""

Evaluate = Callable[..., Tensor]
"""One network call, as the engine makes it: (input[, times]) to output, in float32."""


class MethodConfig(BaseModel):
    """Everything that a method lets one choose, with the paper's values as defaults.

    A method's own config adds whatever its objective and sampler need.

    Attributes:
        unet: shape of the network, whatever kind it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unet: NetworkConfig

    @property
    def divisor(self) -> int:
        """Sizes of prepared images are multiples of this."""
        return self.unet.divisor

    @property
    def coordinates(self) -> bool:
        """Whether images come with their voxels' places in the whole scan as three more channels."""
        return False

    def mask_channels(self, classes: int) -> int:
        """Channels of x_t for so many classes with background: by default one a foreground class."""
        return classes - 1


class DiffusionConfig(MethodConfig):
    """What every method that samples in steps lets one choose.

    Attributes:
        steps: network calls a member when nobody asks for another number.
        sampler: likewise.
        fusion: from members to a consensus, likewise.
    """

    steps: int = Field(1000, ge=1, le=1000)
    sampler: Sampler = "ddpm"
    fusion: Fusion = "mean"

    @property
    def schedule(self) -> Schedule:
        """How much of the mask each time keeps."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Training items on one device.

    Args:
        image: prepared channels.
        mask: one-hot classes, background first.
        shown: foreground classes that an item shows, in the mean over the step's whole batch, where these
            are a part of it; None where they are all of it.
    """

    image: Float[Tensor, "item channel *space"]
    mask: Float[Tensor, "item class *space"]
    shown: float | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """An objective's value; `parts` are for the curves."""

    total: Float[Tensor, ""]
    parts: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Mapping[str, Float[Tensor, ""]]) -> Loss:
        """The sum of its parts."""
        return cls(torch.stack([*parts.values()]).sum(), {k: float(v.detach()) for k, v in parts.items()})


@runtime_checkable
class Method(Protocol):
    """The names that a method's module must have."""

    Config: type[MethodConfig]
    PRESETS: Mapping[str, MethodConfig]
    """Settings by name, those of the paper first; "small" is for a first try on any machine."""

    PRACTICE: Practice
    """How the paper trains."""

    def build(self, config: Any, *, channels: int, classes: int) -> nn.Module:
        """The network, for so many channels of a scan and so many classes with background.

        Coordinates are not among `channels`. Also called on the meta device; all that is needed to use
        the network must be in its state dict.
        """
        ...

    def loss(self, config: Any, network: nn.Module, batch: Batch, draws: Draws) -> Loss:
        """The training objective; every random number comes from `draws`, item by item.

        The network may run in bf16; what needs float32 asks for it.
        """
        ...

    def sample(
        self,
        config: Any,
        network: Evaluate,
        image: Float[Tensor, "member channel *space"],
        noise: NoiseSource,
        options: SamplingOptions,
    ) -> Iterator[State]:
        """One State a network call; the last one's x0 is the answer.

        Also called on the meta device, to plan memory: no value of a tensor may be asked for.
        """
        ...

    def probabilities(
        self, config: Any, x0: Float[Tensor, "member class *space"]
    ) -> Float[Tensor, "member foreground *space"]:
        """Soft foreground classes in [0, 1] of an x0 that `sample` yielded."""
        ...


def draw_as_asked(
    config: DiffusionConfig,
    options: SamplingOptions,
    denoise: Denoise,
    noise: NoiseSource,
    *,
    variance: Variance = "small",
) -> Iterator[State]:
    """From noise to masks by the sampler and in the steps that are asked for, otherwise the paper's."""
    yield from draw(
        options.sampler or config.sampler,
        denoise,
        config.schedule,
        options.steps or config.steps,
        noise=noise,
        variance=variance,
        eta=options.eta,
    )
