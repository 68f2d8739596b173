"""What a checkpoint does to a scan before the network, as it stands in the checkpoint."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Preparation(BaseModel):
    """Spacing, intensity and size; the same rule for training, preview and inference.

    Attributes:
        spacing_mm: (D, H, W) that the network sees; None keeps the scan's own.
        percentiles: intensities are clipped to these percentiles of the domain; None clips nothing.
        intensity: then brought to zero mean and unit variance, or to [0, 1], over the domain.
        domain: the voxels of a channel that intensities are measured over: all of the scan, its non-zero
            ones, or the chosen box. Under the first two a voxel's input does not depend on the box.
        multiple: sizes are padded at their ends to a multiple of this, with the value 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spacing_mm: tuple[float, float, float] | None = None
    percentiles: tuple[float, float] | None = (0.5, 99.5)
    intensity: Literal["z-score", "min-max"] = "z-score"
    domain: Literal["scan", "nonzero", "box"] = "nonzero"
    multiple: int = Field(1, ge=1, le=1024)
