"""HDF5 files from strangers: what lies in the file itself is read, what it points to elsewhere is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from napari_diffseg.errors import DatasetError, DiffSegError

_MOST_CHUNK_BYTES = 2**27  # taken as a whole to read a single number of it


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The file, closed when the block ends.

    It is not locked, since shared folders may refuse that and nothing is written.

    Raises:
        DatasetError: it is no HDF5 file, or turns out damaged inside the block.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except DiffSegError:
        raise
    except FileNotFoundError as error:
        raise DatasetError(f"There is no file {path}. Check its folder and its name.") from error
    except MemoryError as error:
        raise DatasetError(f"{path.name} does not fit into memory. Close other programs.") from error
    except Exception as error:  # h5py raises OSError, KeyError, RuntimeError … at a stranger's bytes
        raise DatasetError(
            f"{path.name} is no HDF5 file, or is damaged or cut short. Copy it again from its source."
        ) from error


def group_in(file: h5py.File, name: str) -> h5py.Group | None:
    """A group at the top of a file; None where nothing is of that name.

    Raises:
        DatasetError: it lies in another file, or is no group.
    """
    found = _member(file, name)
    if found is not None and not isinstance(found, h5py.Group):
        raise DatasetError(f"{place(file, name)} is no group. Export the file again from its source.")
    return found


def array_in(group: h5py.Group, name: str) -> h5py.Dataset:
    """An array of a group, not yet read.

    Raises:
        DatasetError: there is none of that name, it or its numbers lie in another file, or its parts are
            too large to be read.
    """
    found = _member(group, name)
    if not isinstance(found, h5py.Dataset):
        raise DatasetError(f"{place(group, name)} is missing. Export the file again from its source.")
    if found.external or found.is_virtual:
        raise DatasetError(
            f"{place(group, name)} takes its numbers from another file. Export it with the numbers inside."
        )
    if found.chunks and math.prod(found.chunks) * found.dtype.itemsize > _MOST_CHUNK_BYTES:
        raise DatasetError(
            f"{place(group, name)} is stored in parts of {found.chunks} numbers, more than "
            f"{_MOST_CHUNK_BYTES} bytes each. Export it again in smaller parts."
        )
    return found


def place(found: h5py.Group | h5py.Dataset, name: str = "") -> str:
    """Where something lies, for example "train/images in data_lidc.hdf5"."""
    return f"{found.name}/{name}".strip("/") + f" in {Path(found.file.filename).name}"


def _member(parent: h5py.Group, name: str) -> object:
    link = parent.get(name, getlink=True)
    if link is None:
        return None
    if not isinstance(link, h5py.HardLink):
        raise DatasetError(
            f"{place(parent, name)} is a link to elsewhere, which is not followed. "
            "Export the file with its numbers inside."
        )
    return parent[name]
