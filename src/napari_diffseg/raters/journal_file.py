"""The file of a journal: a header with format and shape, and records behind it."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.atomic import replacing
from napari_diffseg.raters.document import shown, unsaved
from napari_diffseg.volume.grid import Shape
from napari_diffseg.volume.wording import times

JOURNAL = "journal.bin"
FORMAT = 1

_HEADER = struct.Struct("<8sI3I")
_MAGIC = b"diffsegJ"
_MOST_BYTES = 2**30

HEADER_BYTES = _HEADER.size


def begin(path: Path, shape: Shape) -> None:
    """An empty journal in place of any other.

    Raises:
        RaterProjectError: it could not be written.
    """
    try:
        with replacing(path) as partial:
            partial.write_bytes(_HEADER.pack(_MAGIC, FORMAT, *shape))
    except OSError as error:
        raise unsaved(path, error) from error


def add(path: Path, record: bytes, *, at: int) -> None:
    """Write a record, all of it or nothing; it is on the disk when this returns.

    Args:
        path: of the journal.
        record: to write.
        at: bytes of the journal so far.

    Raises:
        RaterProjectError: it could not be written.
    """
    rest = memoryview(record)
    try:
        with path.open("r+b", buffering=0) as file:
            file.seek(at)
            try:
                while rest:  # a disk that is nearly full takes a part of it
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(at)
                raise
    except OSError as error:
        raise unsaved(path, error) from error


def content_of(path: Path) -> bytes:
    """All of a journal; nothing where there is none.

    Raises:
        RaterProjectError: it cannot be read, or is larger than any.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise RaterProjectError(
                f"{shown(path)} is larger than {_MOST_BYTES >> 30} GiB, which no read makes. Copy the read "
                "again from where it came."
            )
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise RaterProjectError(
            f"{shown(path)} cannot be read ({error.strerror}). See whether the folder can still be reached."
        ) from error


def is_header(path: Path, content: bytes, shape: Shape) -> bool:
    """Whether the journal begins as one of this mask does.

    Raises:
        RaterProjectError: it is of a newer format or of another scan.
    """
    if len(content) < HEADER_BYTES:
        return False
    magic, version, *told = _HEADER.unpack_from(content)
    if magic != _MAGIC:
        return False
    if version > FORMAT:
        raise RaterProjectError(
            f"{shown(path)} is of format {version}, and this version reads up to {FORMAT}. "
            "Install a newer napari-diffseg."
        )
    if tuple(told) != shape:
        raise RaterProjectError(
            f"{shown(path)} is of a scan of {times(told)} voxels, and this one has {times(shape)}. Put back "
            "the scan that the read was begun on."
        )
    return True
