"""By what a DICOM file is known, without reading it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_MARK = b"DICM"
_MARK_AT = 128
_LOOKED_AT = 100


def looks_like_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do, or one of a folder's first hundred files does."""
    if path.is_dir():
        return any(map(has_mark, islice(files_below(path), _LOOKED_AT)))
    return has_mark(path)


def has_mark(path: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    try:
        with path.open("rb") as file:
            file.seek(_MARK_AT)
            return file.read(len(_MARK)) == _MARK
    except OSError:
        return False


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder and of those in it, sorted folder by folder; hidden ones are left out."""
    for below, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(below, name) for name in sorted(names) if not name.startswith("."))
