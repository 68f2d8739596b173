"""Settings that the three noise predictors built on guided-diffusion share, and their output's meaning."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.guided import unet_settings
from napari_diffseg.checkpoints.official.model import Settings
from napari_diffseg.errors import CheckpointError
from napari_diffseg.networks.guided_blocks import AttentionOrder


class GuidedSettings(Settings):
    """The defaults are the flags of the official READMEs.

    Attributes:
        heads: attention heads.
        decoder_heads: likewise on the way up, when other than `heads`.
        head_channels: channels a head, which then decides the number of heads.
        attention_order: "q, k, v" for files trained with the new attention order.
        groups: of every group norm.
        train_steps: T.
        noise_schedule: of the training chain.
    """

    heads: int = 1
    decoder_heads: int | None = None
    head_channels: int | None = None
    attention_order: AttentionOrder = "by head"
    groups: int | None = 32
    train_steps: int = Field(1000, ge=2)
    noise_schedule: Literal["linear", "cosine"] = "linear"

    def unet(self, foreign: Foreign) -> dict[str, Any]:
        """All fields of a `GuidedUNetConfig`: what the tensors show and what they don't."""
        chain = {"train_steps", "noise_schedule"}
        own = self.model_dump(include=set(GuidedSettings.model_fields) - chain)
        return own | unet_settings(foreign.file, foreign.shapes)

    def chain(self, steps: int) -> dict[str, Any]:
        """The training chain, and sampling steps that it has."""
        return {
            "train_steps": self.train_steps,
            "noise_schedule": self.noise_schedule,
            "steps": min(steps, self.train_steps),
        }


def learned_variance(foreign: Foreign, masks: int) -> bool:
    """Whether the network has a variance channel beside each mask's noise.

    Raises:
        CheckpointError: it has neither one nor two outputs a class.
    """
    outputs = foreign.shapes.get("out.2.weight", (0,))[0]
    if outputs not in (masks, 2 * masks):
        raise CheckpointError(
            f"{foreign.file} has a network of {outputs} output channels; for {masks} foreground class"
            f"{'' if masks == 1 else 'es'} {masks} or, with learned variance, {2 * masks} are expected. "
            "Give the names of its classes."
        )
    return outputs == 2 * masks
