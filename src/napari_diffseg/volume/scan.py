"""One patient's image, one or more channels on one grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64, Real

from napari_diffseg.volume.grid import Grid, Shape
from napari_diffseg.volume.wording import stem


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The file a scan came from, so that what is written lies exactly on it.

    Args:
        name: file name without its folder.
        shape: voxels along the file's own axes.
        affine: from the file's own voxel index to RAS+ millimetres.
        header: the file's NIfTI header, or None for a scan that was not read from NIfTI.
        sha256: of the file's bytes; empty for a scan that was not read from a file.
    """

    name: str
    shape: Shape
    affine: Float64[np.ndarray, "4 4"]
    header: Any = None
    sha256: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A scan in display order: axes (inferior, posterior, left).

    Args:
        data: channel by (D, H, W); the file's dtype when the file is unscaled.
        grid: where the voxels lie.
        channels: name of each channel, for example ("t1",).
        modality: "MR", "CT" or empty when unknown.
        origin: the file it came from; None for a scan made in memory.
    """

    data: Real[np.ndarray, "channel D H W"]
    grid: Grid
    channels: tuple[str, ...] = ("image",)
    modality: str = ""
    origin: Origin | None = field(default=None)

    @property
    def name(self) -> str:
        """File name without folder and NIfTI ending; "scan" for a scan made in memory."""
        if self.origin is None:
            return "scan"
        return stem(self.origin.name)
