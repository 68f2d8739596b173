"""The finished members of a run: label maps, mean and variance, and what is left of them in the end."""

from __future__ import annotations

import math
import tempfile

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Shaped, UInt8
from numpy.typing import DTypeLike
from torch import Tensor

from napari_diffseg.fusion import relative_area
from napari_diffseg.inference.accumulator import Accumulator, hard
from napari_diffseg.volume.grid import Shape

_MEMORY_MAPPED_FROM = 2 * 2**30


class Members:
    """Takes soft members as they come.

    Args:
        number: of members that will come.
        classes: of foreground.
        shape: of the box.
        keep_soft: whether `empty_specks` will be asked for; takes their memory.

    Attributes:
        done: members taken so far.
    """

    def __init__(self, number: int, classes: int, shape: Shape, *, keep_soft: bool = False) -> None:
        self.done = 0
        self._label_maps = _room((number, *shape), np.uint8)
        self._soft = _room((number, classes, *shape), np.float32) if keep_soft else None
        self._accumulator = Accumulator()

    def add(self, soft: Float[Tensor, "class D H W"]) -> UInt8[np.ndarray, "D H W"]:
        """Take in the next member and return its label map."""
        self._accumulator.add(soft)
        if self._soft is not None:
            self._soft[self.done] = soft.cpu().numpy()
        self._label_maps[self.done] = hard(soft).cpu().numpy()
        self.done += 1
        return self._label_maps[self.done - 1]

    @property
    def label_maps(self) -> UInt8[np.ndarray, "member D H W"]:
        """The hard members so far."""
        return self._label_maps[: self.done]

    def mean(self) -> Float32[np.ndarray, "class D H W"]:
        """A copy on the CPU."""
        return self._accumulator.mean.cpu().numpy().copy()

    def variance(self) -> Float32[np.ndarray, "class D H W"] | None:
        """A copy on the CPU; None for one member."""
        variance = self._accumulator.variance
        return None if variance is None else variance.cpu().numpy()

    def empty_specks(self, smallest: float, slice_axis: int | None) -> None:
        """Empty the members that are small beside the largest one, and take mean and variance anew.

        Args:
            smallest: share of the largest member's foreground, see `relative_area`.
            slice_axis: across which members were drawn slice by slice: then every slice is judged by
                itself, as the paper's images are slices. None judges whole members.
        """
        kept = _large_enough(self.label_maps, smallest, slice_axis)
        if self._soft is None or kept.all():
            return
        self._accumulator = Accumulator()
        for number in range(self.done):
            self._label_maps[number] *= kept[number]
            self._accumulator.add(torch.from_numpy(self._soft[number] * kept[number]))


def _large_enough(
    members: UInt8[np.ndarray, "member D H W"], smallest: float, slice_axis: int | None
) -> Bool[np.ndarray, "member _ _ _"]:
    """For each member, or each slice of each member, whether it is no speck."""
    if slice_axis is None:
        return relative_area(members, smallest).reshape(-1, 1, 1, 1)
    axis = 1 + slice_axis
    slices = (members.take([number], axis=axis) for number in range(members.shape[axis]))
    shape = [len(members), 1, 1, 1]
    shape[axis] = members.shape[axis]
    return np.stack([relative_area(part, smallest) for part in slices], axis=1).reshape(shape)


def _room(shape: tuple[int, ...], dtype: DTypeLike) -> Shaped[np.ndarray, "*axes"]:
    """Zeros, in memory or, when large, in an unnamed temporary file."""
    if math.prod(shape) * np.dtype(dtype).itemsize < _MEMORY_MAPPED_FROM:
        return np.zeros(shape, dtype=dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape)
