"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE_S = 2.0


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name in its own folder, then put it in place at once.

    Whoever reads `path` meanwhile sees the old file or the new one. When the block raises,
    the temporary file is removed and the old one stays.

    Args:
        path: the file to write or replace; its folder exists.

    Yields:
        The temporary path, to be closed again inside the block. It ends as `path` does, since
        nibabel chooses the compression by the ending.

    Raises:
        OSError: the disk is full, the folder is read-only, or (on Windows) another program has
            kept the old file open for two seconds.
    """
    partial = path.with_name(f".{uuid.uuid4().hex}-{path.name[-120:]}")
    try:
        yield partial
        _flush(partial)
        _put(partial, path)
        _flush_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _put(partial: Path, path: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return os.replace(partial, path)
        except PermissionError:
            # only Windows refuses while a reader has the file open
            if os.name != "nt" or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
