"""A checkpoint folder of ImgX-DiffSeg v0.1 and v0.2: arrays.npy and tree.pkl.

arrays.npy is many .npy records one after the other, one a leaf of the training state; tree.pkl is that state
with zeros for leaves, and so the only place where the leaves' names stand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from jaxtyping import Shaped
from numpy.lib import format as npy
from torch import Tensor

from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.pickles import StandIn, read_pickle
from napari_diffseg.errors import CheckpointError

ARRAYS, TREE = "arrays.npy", "tree.pkl"

NAMES = frozenset(
    {
        "optax._src.base.EmptyState",
        "optax._src.transform.ScaleByAdamState",
        "optax._src.transform.ScaleByScheduleState",
    }
)
"""Globals of tree.pkl: the named tuples of AdamW's state."""

_PARAMETERS = "params"
_LONGEST_TREE = 2**26
_MOST_NODES, _DEEPEST = 1_000_000, 32
_Path = tuple[Any, ...]


def read_imgx_folder(path: Path) -> Foreign:
    """The network's parameters, by haiku's names `<module>/<parameter>`.

    Args:
        path: of the folder `batch_<n>`, or of one of its two files.

    Raises:
        CheckpointError: it is no such folder, is damaged, or tree.pkl holds a global that is not listed.
    """
    folder = path.parent if path.name in (ARRAYS, TREE) else path
    _check_folder(folder)
    try:
        tree = read_pickle((folder / TREE).read_bytes(), NAMES, f"{folder.name}/{TREE}")
        with (folder / ARRAYS).open("rb") as file:
            tensors = dict(_parameters(folder, _leaves(tree), file))
    except OSError as error:
        raise CheckpointError(f"{folder.name} cannot be read: {error.strerror}. Choose another.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"{folder.name} is damaged or cut short: {ARRAYS} and {TREE} do not fit together. "
            "Copy the folder again from its source."
        ) from error
    if not tensors:
        raise CheckpointError(
            f"{folder.name} holds no “{_PARAMETERS}”. Choose a folder batch_<n> of the official training."
        )
    return Foreign(folder.name, tensors)


def _check_folder(folder: Path) -> None:
    missing = [name for name in (ARRAYS, TREE) if not (folder / name).is_file()]
    if missing and (folder / "checkpoint").exists():
        raise CheckpointError(
            f"{folder.name} was written by ImgX-DiffSeg v0.3, whose networks are others than the "
            "paper's and are not read here. Choose a checkpoint of v0.1 or v0.2."
        )
    if missing:
        raise CheckpointError(
            f"{folder.name} is no checkpoint of ImgX-DiffSeg: it has no {' and no '.join(missing)}. "
            "Choose the folder batch_<n> that holds both."
        )
    if (folder / TREE).stat().st_size > _LONGEST_TREE:
        raise CheckpointError(f"{folder.name}/{TREE} is too long for names alone. Check the folder.")


def _leaves(tree: Any) -> list[_Path]:
    """Paths to the leaves in JAX's order: keys sorted, tuples in order; None is no leaf."""
    found: list[_Path] = []
    pending: list[tuple[_Path, Any]] = [((), tree)]
    for _ in range(_MOST_NODES):
        if not pending:
            return found
        path, node = pending.pop()
        if len(path) > _DEEPEST:
            break
        children = _children(node)
        if children is not None:
            pending += [((*path, key), child) for key, child in reversed(children)]
        elif node is not None:
            found.append(path)
    raise ValueError("a tree that has no end")  # one that holds itself, or the same branch again and again


def _children(node: Any) -> list[tuple[Any, Any]] | None:
    if isinstance(node, dict):
        return [(key, node[key]) for key in sorted(node)]
    if isinstance(node, StandIn):  # a named tuple
        return list(enumerate(node.args))
    return list(enumerate(node)) if isinstance(node, (list, tuple)) else None


def _parameters(folder: Path, leaves: list[_Path], file: BinaryIO) -> Iterator[tuple[str, Tensor]]:
    """The records that are parameters; the others are passed over."""
    end = (folder / ARRAYS).stat().st_size
    for top, *names in leaves:
        array = _record(file, end, wanted=top == _PARAMETERS)
        if array is not None:
            module, parameter = names
            yield f"{module}/{parameter}", torch.from_numpy(array)
    if file.read(1):
        raise ValueError("more records than leaves")


def _record(file: BinaryIO, end: int, *, wanted: bool) -> Shaped[np.ndarray, ...] | None:
    """The next record, no larger than what the file still has; pickled objects are not read."""
    version = npy.read_magic(file)
    read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
    shape, columns_first, dtype = read_header(file)
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or dtype.kind not in "fiubU" or min(shape, default=0) < 0:
        raise ValueError(f"a record of {dtype}")
    if size > end - file.tell():
        raise ValueError("a record longer than the file")
    if not wanted:
        file.seek(size, 1)
        return None
    array = np.frombuffer(file.read(size), dtype).astype(dtype.newbyteorder("="))
    return array.reshape(shape, order="F" if columns_first else "C").copy(order="C")
