"""NumPy's arrays and numbers in a pickle that was read as data: records of the calls that would make them."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from jaxtyping import Real

from napari_diffseg.checkpoints.official.pickles import StandIn

_PACKAGES = ("numpy.core.multiarray", "numpy._core.multiarray")  # NumPy 1 and 2
_ARRAYS = frozenset(f"{package}._reconstruct" for package in _PACKAGES)
_BUFFERS = frozenset({"numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"})  # protocol 5
_SCALARS = frozenset(f"{package}.scalar" for package in _PACKAGES)
_DTYPE = "numpy.dtype"

NUMPY_NAMES = _ARRAYS | _BUFFERS | _SCALARS | {_DTYPE, "numpy.ndarray"}
"""Globals that stand in a pickle with arrays and numbers."""

_NUMBERS = frozenset({"b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"})
_BYTE_ORDERS = frozenset({"<", ">", "=", "|"})


def pickled_image(value: Any) -> Real[np.ndarray, "H W"] | None:
    """The array of two axes that a stand-in describes.

    Returns:
        A view of the pickle's bytes, not to be written to; None where the value is no such array of real
        numbers, or its shape and type do not ask for exactly the bytes that it brings.
    """
    match value:
        case StandIn(name=name, state=(_, (int(h), int(w)), StandIn() as kind, fortran, bytes(content))):
            return _array(content, kind, (h, w), "F" if fortran else "C") if name in _ARRAYS else None
        case StandIn(
            name=name, args=(bytes(content), StandIn() as kind, (int(h), int(w)), "C" | "F" as order)
        ):
            return _array(content, kind, (h, w), order) if name in _BUFFERS else None
    return None


def pickled_number(value: Any) -> float | None:
    """The number that a stand-in of NumPy describes, or None."""
    match value:
        case StandIn(name=name, args=(StandIn() as kind, bytes(content))) if name in _SCALARS:
            dtype = _dtype(kind)
            if dtype is not None and dtype.itemsize == len(content):
                return float(np.frombuffer(content, dtype)[0])
    return None


def _array(
    content: bytes, kind: StandIn, shape: tuple[int, int], order: Literal["C", "F"]
) -> Real[np.ndarray, "H W"] | None:
    dtype = _dtype(kind)
    if dtype is None or min(shape) <= 0 or math.prod(shape) * dtype.itemsize != len(content):
        return None
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _dtype(value: StandIn) -> np.dtype[Any] | None:
    match value:
        case StandIn(name=name, args=(str(code), *_), state=(_, str(order), *_)) if name == _DTYPE:
            return np.dtype(order + code) if code in _NUMBERS and order in _BYTE_ORDERS else None
    return None
