"""The voxels of a lesion that was removed, kept so that it can come back."""

from __future__ import annotations

import base64
import math
import zlib

import numpy as np
from jaxtyping import Bool
from pydantic import Field

from napari_diffseg.errors import RaterProjectError
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
    if not voxels.any():
        return PutAside()
    ranges = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        along = np.flatnonzero(voxels.any(axis=others))
        ranges.append((int(along[0]), int(along[-1]) + 1))
    (d0, d1), (h0, h1), (w0, w1) = ranges
    box = Box((d0, h0, w0), (d1, h1, w1))
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
        if not _is_inside(box, shape):
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


def _is_inside(box: Box, shape: Shape) -> bool:
    return all(0 <= a < b <= n for a, b, n in zip(box.start, box.stop, shape, strict=True))
