"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
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
    partial = _beside(path)
    try:
        yield partial
        _flush(partial)
        _put(partial, path)
        _flush_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Fill a folder under a temporary name beside it, then put it in place at once.

    When the block raises, the temporary folder is removed and the old one stays.

    Args:
        folder: the folder to make; its parent exists.
        overwrite: whether an old folder is replaced. It is moved aside, and deleted only when the
            new one is in place.

    Yields:
        The temporary folder, empty.

    Raises:
        OSError: the disk is full, the parent is read-only, or there is such a folder and it may not
            be replaced.
    """
    partial = _beside(folder)
    partial.mkdir()
    try:
        yield partial
        for path in partial.rglob("*"):
            if path.is_file():
                _flush(path)
        _flush_folder(partial)
        if overwrite and folder.exists():
            _exchange(partial, folder)
        else:
            _put(partial, folder)
        _flush_folder(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _exchange(partial: Path, folder: Path) -> None:
    old = _beside(folder)
    _put(folder, old)
    try:
        _put(partial, folder)
    except BaseException:
        _put(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{uuid.uuid4().hex}-{path.name[-120:]}")


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
