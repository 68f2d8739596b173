"""What a checkpoint does to a scan before the network, as it stands in the checkpoint."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from napari_diffseg.results.options import SliceAxis

_Edge = Annotated[float, Field(ge=0.001, le=100)]
"""Millimetres, in the range that scans may have."""


class Preparation(BaseModel):
    """Spacing, intensity and size; the same rule for training, preview and inference.

    Attributes:
        spacing_mm: (D, H, W) that the network sees; None keeps the scan's own.
        percentiles: intensities are clipped to these percentiles of the domain; None clips nothing.
        intensity: then brought to zero mean and unit variance over the domain, to `range`, or left as they
            are.
        range: what "min-max" brings the lowest and the highest value of the domain to.
        domain: the voxels of a channel that intensities are measured over: all of the scan, its non-zero
            ones, or the chosen box. Under the first two a voxel's input does not depend on the box.
        multiple: sizes are padded at their ends to a multiple of this, with the low end of `range` under
            "min-max" and 0 otherwise. Networks for slices have their slices padded, not the number of them.
        slice_axis: display axis across which slices are taken for networks for slices; 0 gives axial ones,
            1 coronal and 2 sagittal ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spacing_mm: tuple[_Edge, _Edge, _Edge] | None = None
    percentiles: tuple[float, float] | None = (0.5, 99.5)
    intensity: Literal["z-score", "min-max", "as-is"] = "z-score"
    range: tuple[float, float] = (0.0, 1.0)
    domain: Literal["scan", "nonzero", "box"] = "nonzero"
    multiple: int = Field(1, ge=1, le=1024)
    slice_axis: SliceAxis = 0

    @property
    def padding(self) -> float:
        """The prepared value beyond the image."""
        return self.range[0] if self.intensity == "min-max" else 0.0

    @field_validator("percentiles")
    @classmethod
    def _check_percentiles(cls, percentiles: tuple[float, float] | None) -> tuple[float, float] | None:
        if percentiles is not None and not 0 <= percentiles[0] < percentiles[1] <= 100:
            raise ValueError("The percentiles should rise, from 0 to 100 at most")
        return percentiles

    @model_validator(mode="after")
    def _check_range(self) -> Preparation:
        low, high = self.range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"the range {low:g} to {high:g} is empty; the first number must be the smaller")
        return self
