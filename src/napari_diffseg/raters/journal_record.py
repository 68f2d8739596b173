"""Records of a journal as bytes, and back from bytes that a kill or a disk may have damaged.

magic, length of the values, number, box, checksum of all but the magic, then the box's values, compressed
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from napari_diffseg.volume.grid import Box, Shape

_FACTS = struct.Struct("<QQ6I")
_SUM = struct.Struct("<I")
_MAGIC = b"\x93box"
_HEAD = len(_MAGIC) + _FACTS.size + _SUM.size


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """New values of a box, the number-th since the journal began."""

    number: int
    box: Box
    values: UInt8[np.ndarray, "d h w"]


def packed(change: Change) -> bytes:
    """A change as a record."""
    values = zlib.compress(change.values.tobytes(), 1)
    facts = _FACTS.pack(len(values), change.number, *change.box.start, *change.box.stop)
    return _MAGIC + facts + _SUM.pack(zlib.crc32(values, zlib.crc32(facts))) + values


def changes(content: bytes, at: int, shape: Shape) -> Iterator[Change | None]:
    """The changes that can be read, in order.

    Args:
        content: of a journal.
        at: where its first record begins.
        shape: of the mask.

    Yields:
        None for a stretch that is damaged; reading goes on at the next whole record.
    """
    while at < len(content):
        change, end = _change(content, at, shape)
        yield change
        if change is None:
            end = content.find(_MAGIC, at + 1)
        if end < 0:
            return
        at = end


def _change(content: bytes, at: int, shape: Shape) -> tuple[Change | None, int]:
    """The record that begins at a byte, if it is whole, and where it ends."""
    begin = at + _HEAD
    facts = content[at + len(_MAGIC) : begin - _SUM.size]
    if not content.startswith(_MAGIC, at) or begin > len(content):
        return None, begin
    length, number, *corners = _FACTS.unpack(facts)
    values = content[begin : begin + length]
    (told,) = _SUM.unpack_from(content, begin - _SUM.size)
    if len(values) < length or zlib.crc32(values, zlib.crc32(facts)) != told:
        return None, begin
    d0, h0, w0, d1, h1, w1 = corners
    box = Box((d0, h0, w0), (d1, h1, w1))
    array = _unpacked(values, box) if box.is_inside(shape) else None
    return (None if array is None else Change(number, box, array)), begin + length


def _unpacked(values: bytes, box: Box) -> UInt8[np.ndarray, "d h w"] | None:
    count = math.prod(box.shape)
    try:
        flat = zlib.decompressobj().decompress(values, count)
    except zlib.error:
        return None
    return np.frombuffer(flat, dtype=np.uint8).reshape(box.shape) if len(flat) == count else None
