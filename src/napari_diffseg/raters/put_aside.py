"""The voxels of a lesion that was removed, kept so that it can come back."""

from __future__ import annotations

import base64
import math
import zlib

import numpy as np
from jaxtyping import Bool
from pydantic import Field

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.boxes import box_around
from napari_diffseg.raters.document import Part
from napari_diffseg.volume.grid import Box, Shape


class PutAside(Part):
    """The voxels that a removed lesion had.

    Attributes:
        box: around them; None when it had none.
        bits: which ones of the box: packed, compressed, in base64.
    """

    box: Box | None = None
    bits: str = Field("", max_length=2**26)


def put_aside(voxels: Bool[np.ndarray, "D H W"]) -> PutAside:
    """The voxels of a lesion that is to be removed."""
    box = box_around(voxels)
    if box is None:
        return PutAside()
    packed = zlib.compress(np.packbits(voxels[box.slices]).tobytes())
    return PutAside(box=box, bits=base64.b64encode(packed).decode())


def voxels_of(aside: PutAside, shape: Shape) -> Bool[np.ndarray, "d h w"]:
    """The voxels of a removed lesion inside its box.

    Raises:
        RaterProjectError: box or bits are damaged.
    """
    box = aside.box
    if box is None:
        return np.zeros((0, 0, 0), dtype=np.bool_)
    try:
        if not box.is_inside(shape):
            raise ValueError(f"the box {box} leaves the scan")
        count = math.prod(box.shape)
        packed = zlib.decompressobj().decompress(base64.b64decode(aside.bits, validate=True), count // 8 + 1)
        bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=count)
        if 8 * len(packed) < count:
            raise ValueError("bits are missing")
    except (ValueError, zlib.error) as error:
        raise RaterProjectError(
            f"The voxels of a removed lesion are damaged ({error}). It cannot come back; draw it anew."
        ) from error
    return bits.reshape(box.shape).astype(np.bool_)
