"""An image as a scan of one slice, and the files that hold images.

Rows of an image run towards posterior and columns towards the patient's left, as a slice is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Real, Shaped, UInt, UInt8
from PIL import Image, UnidentifiedImageError

from napari_diffseg.errors import ScanError
from napari_diffseg.volume import Grid, LabelMap, Origin, Scan

PixelSpacing = tuple[float, float]
"""Edges of a pixel along (H, W) in mm."""

UNKNOWN_MM: PixelSpacing = (1.0, 1.0)
"""Where a layout does not tell the size of a pixel, 1 mm is taken."""

_THICKNESS_MM = 1.0
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
_MOST_PIXELS = 2**26


def image_grid(shape: tuple[int, int], spacing_mm: PixelSpacing = UNKNOWN_MM) -> Grid:
    """The grid of an image of (H, W) pixels: one slice of 1 mm, its first pixel at the origin."""
    h_mm, w_mm = spacing_mm
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = -_THICKNESS_MM, -h_mm, -w_mm, 1
    return Grid((1, *shape), affine)


def image_scan(
    pixels: Real[np.ndarray, "channel H W"],
    name: str,
    *,
    spacing_mm: PixelSpacing = UNKNOWN_MM,
    channels: tuple[str, ...] = ("image",),
    modality: str = "",
) -> Scan:
    """An image as a scan of one slice, D = 1; it keeps its numbers and carries its name."""
    grid = image_grid((pixels.shape[1], pixels.shape[2]), spacing_mm)
    return Scan(pixels[:, np.newaxis], grid, channels, modality, Origin(name, grid.shape, grid.affine))


def image_mask(
    pixels: Shaped[np.ndarray, "H W"], name: str, *, spacing_mm: PixelSpacing = UNKNOWN_MM
) -> LabelMap:
    """The mask of one class on an image.

    Args:
        pixels: truth values or whole numbers: 0 and one other, such as 1 or 255.
        name: what the mask is called in messages.
        spacing_mm: of the image.

    Raises:
        ScanError: there is a third number, a negative one, or one that is not whole.
    """
    if pixels.dtype.kind not in "bui":
        raise ScanError(
            f"{name} holds numbers of type {pixels.dtype}, where a mask holds whole ones. Choose the mask."
        )
    most = pixels.max()
    wrong = (pixels != 0) & ((pixels != most) | (pixels < 0))
    if wrong.any():
        raise ScanError(
            f"{name} holds {pixels[wrong][0]} beside {most}, where a mask holds 0 and one greater number. "
            "Choose the mask, not the image, and save it without loss."
        )
    return LabelMap((pixels != 0)[np.newaxis].astype(np.uint8), image_grid(pixels.shape, spacing_mm))


def read_grey(file: Path | BytesIO, name: str) -> UInt[np.ndarray, "H W"]:
    """The grey values of an image file, PNG, JPEG, BMP or WebP.

    Args:
        file: its path, or its bytes.
        name: what it is called in messages.

    Returns:
        uint16 for a PNG of 16 bits, otherwise uint8; colours by their luminance.

    Raises:
        ScanError: there is no such file, it is none of these, is damaged, or has more than 2²⁶ pixels.
    """
    with _opened(file, name) as image:
        if image.mode.startswith("I;16"):
            return np.array(image).astype(np.uint16)
        return np.array(image.convert("L"))


def read_colours(path: Path, name: str) -> UInt8[np.ndarray, "channel H W"]:
    """Red, green and blue of an image file.

    Raises:
        ScanError: as `read_grey`.
    """
    with _opened(path, name) as image:
        return np.ascontiguousarray(np.moveaxis(np.array(image.convert("RGB")), -1, 0))


@contextmanager
def _opened(file: Path | BytesIO, name: str) -> Iterator[Image.Image]:
    """Its size is checked on the header; whatever Pillow throws at a stranger's bytes becomes a sentence."""
    try:
        with Image.open(file, formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise Image.DecompressionBombError
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ScanError(
            f"{name} says it has more than {_MOST_PIXELS} pixels. Crop it or make it smaller first."
        ) from error
    except UnidentifiedImageError as error:
        raise ScanError(
            f"{name} is no PNG, JPEG, BMP or WebP image, or its beginning is damaged. Export it again."
        ) from error
    except FileNotFoundError as error:
        raise ScanError(f"There is no file {name}. Put it there, or leave the case out.") from error
    except Exception as error:
        raise ScanError(f"{name} is damaged or cut short. Copy it again from its source.") from error
