"""How a method is trained: its optimiser and the random changes of its cases. Torch-free."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

PerAxis = tuple[float, float, float]
OnAxis = tuple[bool, bool, bool]


class Optimisation(BaseModel):
    """AdamW and how long it runs.

    Attributes:
        steps: of the optimiser; the run ends there.
        batch: items a step, over all processes.
        learning_rate: at its highest.
        warmup_steps: over which it rises linearly from zero.
        decay_steps: at the end, over which it falls to zero as half a cosine; None is all after the warm-up.
        weight_decay: of AdamW.
        gradient_norm: gradients are cut to this norm; None leaves them.
        ema: decay a step of the moving average of the weights, which is what is validated and saved; None
            takes the weights themselves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(ge=1, le=100_000_000)
    batch: int = Field(2, ge=1, le=4096)
    learning_rate: float = Field(1e-4, gt=0, le=1)
    warmup_steps: int = Field(100, ge=0, le=1_000_000)
    decay_steps: int | None = Field(None, ge=0, le=100_000_000)
    weight_decay: float = Field(0.01, ge=0, le=1)
    gradient_norm: float | None = Field(1.0, gt=0)
    ema: float | None = Field(None, gt=0, lt=1)


class Augmentation(BaseModel):
    """Random changes of a training case; display axes (inferior, posterior, left).

    Networks for slices see changes within the slice alone.

    Attributes:
        flip: mirror half of the cases along each axis.
        quarter_turns: turn slices by a random multiple of 90°.
        rotation: largest angle about each axis, radians.
        scaling: largest relative change of size along each axis.
        translation_voxels: largest shift along each axis.
        contrast: largest relative change of contrast, and of brightness in the prepared units.
        blur: probability of a Gaussian blur of 0.5 to 1 voxel.
        noise: probability of added noise with a standard deviation of 0.1 in the prepared units.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flip: OnAxis = (False, False, False)
    quarter_turns: bool = False
    rotation: PerAxis = (0.0, 0.0, 0.0)
    scaling: PerAxis = (0.0, 0.0, 0.0)
    translation_voxels: PerAxis = (0.0, 0.0, 0.0)
    contrast: float = Field(0.0, ge=0, lt=1)
    blur: float = Field(0.0, ge=0, le=1)
    noise: float = Field(0.0, ge=0, le=1)


class Practice(BaseModel):
    """What a paper says of its training.

    Attributes:
        optimisation: its optimiser and length.
        augmentation: its random changes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimisation: Optimisation
    augmentation: Augmentation = Augmentation()


SMALL = Optimisation(steps=3000, batch=4, learning_rate=1e-3, warmup_steps=100)
"""Of the presets "small", whatever the method: an evening on a CPU."""
