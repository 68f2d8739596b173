"""A file of torch.save: a zip archive with a pickle of the structure and a record for each storage.

torch's own weights-only reader refuses AmbDiffSeg's files for the configuration they carry, so the pickle is
read by `pickles.py` and each tensor is cut from its storage here, inside checked bounds.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterable, Mapping
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from napari_diffseg.checkpoints.official.described_tensors import (
    STATE_DICT_NAMES,
    Description,
    Storage,
    described,
)
from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.pickles import read_pickle, shown
from napari_diffseg.errors import CheckpointError

_ZIP = b"PK\x03\x04"
_BEFORE_1_6 = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # the magic number that older torch began with
_MODEL = "model"
_DATA_PARALLEL = "module."


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
                f"{self.path.name} has no record {shown(name)}, which it refers to. "
                "Copy it again from its source."
            ) from error
        packed = info.compress_type != zipfile.ZIP_STORED
        if packed or info.file_size > self.path.stat().st_size:  # torch packs nothing; bombs are packed
            raise CheckpointError(
                f"{self.path.name} has a compressed record {shown(name)}, which torch.save never writes. "
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
    parts = {name.removeprefix(prefix): described(path.name, name, value) for name, value in state.items()}
    _check_total(path, parts.values())
    return Foreign(path.name, _cut(path, records, parts), beside)


def _check_total(path: Path, parts: Iterable[Description]) -> None:
    """A million names for one storage are refused before they are a million copies."""
    if sum(part.bytes for part in parts) > path.stat().st_size:
        raise CheckpointError(
            f"{path.name} describes tensors of more bytes than it has. Get the file from its authors again."
        )


def _cut(path: Path, records: _Records, parts: Mapping[str, Description]) -> dict[str, Tensor]:
    """Tensors with memory of their own; each storage is read once, and no more than one is held."""
    found: dict[str, Tensor] = {}
    by_storage = sorted(parts.items(), key=lambda item: item[1].storage.order)
    for storage, group in groupby(by_storage, key=lambda item: item[1].storage):
        numbers = _numbers(path, records, storage)
        found |= {name: part.cut(numbers) for name, part in group}
    return {name: found[name] for name in parts}


def _numbers(path: Path, records: _Records, storage: Storage) -> Tensor:
    """All of a storage, flat."""
    record, size = f"data/{storage.key}", records.size(f"data/{storage.key}")
    if size != storage.bytes:
        raise CheckpointError(
            f"{path.name} says that record {shown(record)} holds {storage.count} numbers of {storage.dtype}, "
            f"and it has {size} bytes. Copy it again from its source."
        )
    if not storage.count:
        return torch.empty(0, dtype=storage.dtype)
    return torch.frombuffer(bytearray(records.read(record)), dtype=storage.dtype)


def _no_state_dict(path: Path, found: str) -> CheckpointError:
    return CheckpointError(
        f"{path.name} holds {found} where tensors by name are needed. "
        "Choose the file that the official training code saved for its model."
    )
