"""A case as a small picture: one slice, the masks drawn over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Integer, Real, UInt8

from napari_diffseg.datasets.case import LabelledScan
from napari_diffseg.layers.scans import contrast_of
from napari_diffseg.results.result import ClassInfo

_COLOURS = ("red", "green", "blue")
_OPACITY = 0.45  # of a class that all raters marked


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A slice of a case, red, green and blue.

    Args:
        case: its name.
        pixels: of the slice.
        aspect: width of a pixel over its height.
    """

    case: str
    pixels: UInt8[np.ndarray, "H W rgb"]
    aspect: float


def picture_of(name: str, found: LabelledScan, classes: Sequence[ClassInfo]) -> Picture:
    """The axial slice with the most mask; where raters disagree the colour is weaker.

    Args:
        name: of the case.
        found: the case.
        classes: whose colours are used.
    """
    marked = np.sum([np.count_nonzero(read.data, axis=(1, 2)) for read in found.reads], axis=0)
    at = int(marked.argmax())
    picture = _grey_or_colour(found.scan.channels, found.scan.data[:, at])
    reads = np.stack([read.data[at] for read in found.reads])
    for label, info in enumerate(classes, start=1):
        _lay_over(picture, reads, label, info.colour)
    _, h_mm, w_mm = found.scan.grid.spacing_mm
    return Picture(name, np.rint(255 * picture).astype(np.uint8), w_mm / h_mm)


def _grey_or_colour(
    channels: Sequence[str], values: Real[np.ndarray, "channel H W"]
) -> Float32[np.ndarray, "H W rgb"]:
    """A colour photograph as it is; of anything else the first channel."""
    shown = values if tuple(channels) == _COLOURS else values[[0, 0, 0]]
    low, high = contrast_of(shown)
    scaled = (np.nan_to_num(shown.astype(np.float32), nan=low) - low) / (high - low)
    return np.moveaxis(np.clip(scaled, 0, 1), 0, -1).copy()


def _lay_over(
    picture: Float32[np.ndarray, "H W rgb"],
    reads: Integer[np.ndarray, "rater H W"],
    label: int,
    colour: str,
) -> None:
    share: Float[np.ndarray, "H W"] = (reads == label).mean(axis=0)
    opacity = (_OPACITY * share[..., np.newaxis]).astype(np.float32)
    rgb = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)], dtype=np.float32)
    picture *= 1 - opacity
    picture += opacity * rgb
