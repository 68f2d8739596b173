"""A project that is made of other data: there as a whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.atomic import replacing_folder
from napari_diffseg.raters.document import unsaved


@contextmanager
def made_in_place(out: Path) -> Iterator[Path]:
    """Make a project under a temporary name beside `out`, then put it there at once.

    Args:
        out: the folder to make; only the one above it is there.

    Yields:
        The temporary folder, empty.

    Raises:
        RaterProjectError: `out` is there already, the folder above it is not, or it cannot be written.
    """
    if out.exists():
        raise RaterProjectError(f"{out} is there already. Choose the name of a new folder.")
    if not out.parent.is_dir():
        raise RaterProjectError(f"There is no folder {out.parent} to make {out.name} in. Make it first.")
    try:
        with replacing_folder(out) as partial:
            yield partial
    except OSError as error:
        raise unsaved(out, error) from error
