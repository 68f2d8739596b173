"""Tensors as torch's pickles describe them: a storage, and where in it the elements lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from napari_diffseg.checkpoints.official.pickles import Elsewhere, Global, StandIn, shown
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

_MOST_AXES = 8
_LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class Storage:
    """A record of a file: so many numbers of one kind."""

    key: str
    dtype: torch.dtype
    count: int

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.count * self.dtype.itemsize

    @property
    def order(self) -> tuple[str, str, int]:
        """To sort by."""
        return self.key, str(self.dtype), self.count


@dataclass(frozen=True, slots=True)
class Description:
    """A tensor in its storage, within bounds."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Size of a copy."""
        return math.prod(self.shape) * self.storage.dtype.itemsize

    def cut(self, numbers: Tensor) -> Tensor:
        """A copy out of the storage's numbers."""
        view = numbers.as_strided(self.shape, self.strides, self.offset)
        return view.clone(memory_format=torch.contiguous_format)


def described(file: str, name: str, value: Any) -> Description:
    """The tensor or parameter that a pickle describes.

    Args:
        file: what it is called in messages.
        name: of the tensor.
        value: as `read_pickle` gave it.

    Raises:
        CheckpointError: it is none, or reaches beyond its storage.
    """
    if isinstance(value, StandIn) and value.name == _PARAMETER and value.args:
        value = value.args[0]
    try:
        if not (isinstance(value, StandIn) and value.name == _TENSOR):
            raise TypeError("it is something else")
        where, offset, shape, strides, *_ = value.args
        storage = _storage(where)
        _check_inside(offset, shape, strides, storage.count)
    except (TypeError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{file} describes “{shown(name)}” as no tensor can be: {shown(str(error))}. "
            "Choose the file that the official training code saved for its model."
        ) from error
    return Description(storage, offset, shape, strides)


def _storage(where: Any) -> Storage:
    if not isinstance(where, Elsewhere):
        raise TypeError("it has no storage")
    kind, cls, key, _, count = where.key
    if kind != "storage" or not isinstance(cls, Global) or not isinstance(key, str):
        raise TypeError("its storage is no storage")
    _check_numbers(count)
    return Storage(key, _DTYPES[cls.name], count)


def _check_inside(offset: Any, shape: Any, strides: Any, count: int) -> None:
    """Every element lies in the storage, and there are no more of them than it holds."""
    if not (isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) <= _MOST_AXES):
        raise TypeError(f"its shape is not of {_MOST_AXES} axes or fewer")
    _check_numbers(offset, *shape, *strides)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    elements = math.prod(shape)
    if elements and (last >= count or elements > count):
        raise ValueError(f"shape {list(shape)} at {offset} in a storage of {count}")


def _check_numbers(*numbers: Any) -> None:
    if any(type(number) is not int or not 0 <= number < _LARGEST for number in numbers):
        raise ValueError("its shape or place is not made of whole numbers")
