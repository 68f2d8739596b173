"""Everything needed to repeat a training run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_diffseg.preparation.preparation import Preparation


class Augmentation(BaseModel):
    """Random changes of a training case; display axes (inferior, posterior, left).

    Attributes:
        flip_left_right: mirror half of the cases.
        rotation: largest angle about each axis, radians.
        scaling: largest relative change of size along each axis.
        translation_voxels: largest shift along each axis.
        contrast: largest relative change of contrast, and of brightness in standard deviations.
        blur: probability of a Gaussian blur of 0.5 to 1 voxel.
        noise: probability of added noise of 0.1 standard deviations.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flip_left_right: bool = True
    rotation: float = Field(0.26, ge=0, le=3.15)
    scaling: float = Field(0.15, ge=0, lt=1)
    translation_voxels: float = Field(4, ge=0)
    contrast: float = Field(0.3, ge=0, lt=1)
    blur: float = Field(0.2, ge=0, le=1)
    noise: float = Field(0.2, ge=0, le=1)


class TrainingConfig(BaseModel):
    """A run: method, data rules and optimiser.

    Attributes:
        method: name in the registry.
        method_config: fields of the method's config that differ from its defaults.
        preparation: as it will stand in the checkpoint.
        classes: with background.
        steps: of the optimiser; the run ends there (the stop rule).
        batch: items a step.
        learning_rate: at its highest; linear warm-up, then half a cosine to zero (AdamW).
        warmup_steps: of the learning rate.
        weight_decay: of AdamW.
        gradient_norm: gradients are clipped to this.
        checkpoint_every: steps between saved states.
        seed: of weights, order, augmentation and noise.
        precision: of the network's forward pass.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    method_config: dict[str, Any] = Field(default_factory=dict)
    preparation: Preparation = Preparation()
    augmentation: Augmentation = Augmentation()
    classes: int = Field(ge=2, le=256)
    steps: int = Field(ge=1)
    batch: int = Field(2, ge=1, le=1024)
    learning_rate: float = Field(1e-3, gt=0, le=1)
    warmup_steps: int = Field(100, ge=0)
    weight_decay: float = Field(1e-4, ge=0)
    gradient_norm: float = Field(1.0, gt=0)
    checkpoint_every: int = Field(500, ge=1)
    seed: int = Field(0, ge=0, le=2**32 - 1)
    precision: Literal["bf16", "fp32"] = "bf16"
