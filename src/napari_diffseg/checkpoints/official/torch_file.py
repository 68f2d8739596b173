"""A file of torch.save: a zip archive with a pickle of the structure and a record for each storage.

torch's own weights-only reader refuses AmbDiffSeg's files for the configuration they carry, so the pickle is
read by `pickles.py` and each tensor is cut from its storage here, inside checked bounds.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.pickles import Elsewhere, Global, StandIn, read_pickle, shown
from napari_diffseg.errors import CheckpointError

_DTYPES = {
    "torch.FloatStorage": torch.float32,
    "torch.DoubleStorage": torch.float64,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
_TENSOR = "torch._utils._rebuild_tensor_v2"
_PARAMETER = "torch._utils._rebuild_parameter"
STATE_DICT_NAMES = frozenset({"collections.OrderedDict", _TENSOR, _PARAMETER, *_DTYPES})
"""Globals of a file that holds tensors by name and nothing else."""

_ZIP = b"PK\x03\x04"
_BEFORE_1_6 = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # the magic number that older torch began with
_MODEL = "model"
_DATA_PARALLEL = "module."
_MOST_AXES = 8


def read_torch_file(path: Path, names: Collection[str] = ()) -> Foreign:
    """The state dict of a file, and what stands beside it when it is an entry called "model".

    Args:
        path: of the file.
        names: globals that the source's files hold beyond those of a state dict.

    Raises:
        CheckpointError: it is no such file, is damaged, holds a global that is not listed, or holds
            something else than a state dict.
    """
    _check_kind(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(path, _Records(path, archive), STATE_DICT_NAMES.union(names))
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        # zipfile raises RuntimeError for encrypted records
        raise CheckpointError(
            f"{path.name} is damaged or cut short. Copy it again from its source."
        ) from error


class _Records:
    """The records of one archive, under the folder that torch puts them in."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path, self.archive = path, archive
        roots = [name.removesuffix("data.pkl") for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise CheckpointError(
                f"{path.name} is a zip archive, but not one of torch.save. Choose the checkpoint itself."
            )
        (self.root,) = roots
        if self.root + "byteorder" in archive.namelist() and self.read("byteorder") != b"little":
            raise CheckpointError(
                f"{path.name} was written on a big-endian machine. Save it again on another one."
            )

    def size(self, name: str) -> int:
        return self._info(name).file_size

    def read(self, name: str) -> bytes:
        return self.archive.read(self._info(name))

    def _info(self, name: str) -> zipfile.ZipInfo:
        try:
            info = self.archive.getinfo(self.root + name)
        except KeyError as error:
            raise CheckpointError(
                f"{self.path.name} has no record {name!r}, which it refers to. Copy it again from its source."
            ) from error
        packed = info.compress_type != zipfile.ZIP_STORED
        if packed or info.file_size > self.path.stat().st_size:  # torch packs nothing; bombs are packed
            raise CheckpointError(
                f"{self.path.name} has a compressed record {name!r}, which torch.save never writes. "
                "Get the file from its authors again."
            )
        return info


def _check_kind(path: Path) -> None:
    if path.is_dir():
        raise CheckpointError(
            f"{path.name} is a folder, where one file is needed. Choose the file inside it."
        )
    try:
        with path.open("rb") as file:
            start = file.read(len(_BEFORE_1_6))
    except OSError as error:
        raise CheckpointError(
            f"{path.name} cannot be read: {error.strerror}. Choose another file."
        ) from error
    if start == _BEFORE_1_6:
        raise CheckpointError(
            f"{path.name} is in the format of torch before 1.6, which is not read here. "
            "Load it where it was made and save it again with a newer torch."
        )
    if not start.startswith(_ZIP):
        raise CheckpointError(
            f"{path.name} is no file of torch.save (it begins with {start[:4]!r}). "
            "Choose the checkpoint of an official repository."
        )


def _read(path: Path, records: _Records, names: Collection[str]) -> Foreign:
    content = read_pickle(records.read("data.pkl"), names, path.name)
    if not isinstance(content, dict):
        raise _no_state_dict(path, type(content).__name__)
    if "param_groups" in content:
        raise CheckpointError(
            f"{path.name} holds the state of an optimiser. Choose the file of the model beside it."
        )
    state, beside = content, {}
    if isinstance(content.get(_MODEL), dict):
        state, beside = content[_MODEL], {key: value for key, value in content.items() if key != _MODEL}
    if not state or not all(isinstance(name, str) for name in state):
        raise _no_state_dict(path, "other entries")
    prefix = _DATA_PARALLEL if all(name.startswith(_DATA_PARALLEL) for name in state) else ""
    storages = _Storages(path, records)
    tensors = {name.removeprefix(prefix): storages.tensor(name, value) for name, value in state.items()}
    return Foreign(path.name, tensors, beside)


def _no_state_dict(path: Path, found: str) -> CheckpointError:
    return CheckpointError(
        f"{path.name} holds {found} where tensors by name are needed. "
        "Choose the file that the official training code saved for its model."
    )


class _Storages:
    """Tensors from the storages of one file."""

    def __init__(self, path: Path, records: _Records) -> None:
        self.path, self.records = path, records
        self.taken = 0
        # A storage of many tensors is read once; of one each, no more than one is held.
        self.storage = lru_cache(maxsize=1)(self._storage)

    def tensor(self, name: str, value: Any) -> Tensor:
        """A tensor or parameter with memory of its own."""
        if isinstance(value, StandIn) and value.name == _PARAMETER and value.args:
            value = value.args[0]
        if not (isinstance(value, StandIn) and value.name == _TENSOR):
            raise _no_state_dict(self.path, f"something else at “{shown(name)}”")
        try:
            where, offset, shape, strides, *_ = value.args
            key, dtype, count = _reference(where)
            _check_inside(offset, shape, strides, count)
        except (TypeError, ValueError, KeyError) as error:
            raise CheckpointError(
                f"{self.path.name} describes “{shown(name)}” as no tensor can be ({shown(str(error))}). "
                "Get the file from its authors again."
            ) from error
        self._take(math.prod(shape) * dtype.itemsize)
        storage = self.storage(key, dtype, count)
        return storage.as_strided(shape, strides, offset).clone(memory_format=torch.contiguous_format)

    def _take(self, size: int) -> None:
        """A million names for one storage are refused before they are a million copies."""
        self.taken += size
        if self.taken > self.path.stat().st_size:
            raise CheckpointError(
                f"{self.path.name} describes tensors of more bytes than it has. "
                "Get the file from its authors again."
            )

    def _storage(self, key: str, dtype: torch.dtype, count: int) -> Tensor:
        record = f"data/{key}"
        if self.records.size(record) != count * dtype.itemsize:
            raise CheckpointError(
                f"{self.path.name} says that record {record!r} holds {count} numbers of {dtype}, and it has "
                f"{self.records.size(record)} bytes. Copy it again from its source."
            )
        if not count:
            return torch.empty(0, dtype=dtype)
        return torch.frombuffer(bytearray(self.records.read(record)), dtype=dtype, count=count)


def _reference(where: Any) -> tuple[str, torch.dtype, int]:
    """Key, dtype and length of a storage."""
    if not isinstance(where, Elsewhere):
        raise TypeError("it has no storage")
    kind, cls, key, _, count = where.key
    if kind != "storage" or not isinstance(cls, Global) or not isinstance(key, str) or type(count) is not int:
        raise TypeError("its storage is no storage")
    return key, _DTYPES[cls.name], count


def _check_inside(offset: Any, shape: Any, strides: Any, count: int) -> None:
    """Every element lies in the storage, and there are no more of them than it holds."""
    numbers = (offset, count, *shape, *strides)
    if any(type(number) is not int or number < 0 for number in numbers) or len(shape) > _MOST_AXES:
        raise ValueError("its shape is made of other things than a few whole numbers")
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    elements = math.prod(shape)
    if elements and (last >= count or elements > count):
        raise ValueError(f"shape {list(shape)} at {offset} in a storage of {count}")
