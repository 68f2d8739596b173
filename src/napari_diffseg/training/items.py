"""Training items by number: which case or slice, which crop, which read, which random changes.

Item k of a run is a function of (data, settings, seed, k) alone, whoever asks for it and when.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn import functional as F

from napari_diffseg.errors import DatasetError
from napari_diffseg.fusion.majority import majority
from napari_diffseg.methods.method import Batch
from napari_diffseg.preparation.axis import coordinates
from napari_diffseg.training.augmentation import Augmenter, seed_of
from napari_diffseg.training.cache import CachedCase
from napari_diffseg.training.config import RunConfig

_ORDER, _CHANGE, _CHOICE = 0, 1, 2
"""First words of addresses, so that no two draws share a stream."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A case, and the slice of it for a network for slices."""

    case: int
    slice: int | None = None


class Items:
    """The items of a run.

    Args:
        config: of the run.
        settings: of the method, validated.
        cases: of the training part.
        classes: with background.

    Raises:
        DatasetError: there is no case.
    """

    def __init__(self, config: RunConfig, settings: Any, cases: Sequence[CachedCase], classes: int) -> None:
        if not cases:
            raise DatasetError("No case can be trained on. Inspect the data set first.")
        self._config, self._settings, self._cases, self._classes = config, settings, cases, classes
        self._axis = config.preparation.slice_axis
        self._flat = settings.unet.dimensions == 2
        self._axes = [axis for axis in range(3) if not (self._flat and axis == self._axis)]
        self._places = [
            place
            for number, case in enumerate(cases)
            for place in (
                [_Place(number, k) for k in range(case.shape[self._axis])] if self._flat else [_Place(number)]
            )
        ]
        self._threads = threading.local()
        self._order = lru_cache(maxsize=4)(self._shuffled)

    def __len__(self) -> int:
        """Of one epoch."""
        return len(self._places)

    def batch(self, numbers: Sequence[int], together: Sequence[int]) -> Batch:
        """Some items, padded at their ends to the size that all of `together` have."""
        sizes = np.max([self._size(number) for number in together], axis=0).tolist()
        multiple = math.lcm(self._settings.divisor, self._config.preparation.multiple)
        size = [multiple * -(-n // multiple) for n in sizes]
        images, masks = zip(*(self._item(number, size) for number in numbers), strict=True)
        return Batch(torch.stack(images), torch.stack(masks))

    def _item(self, number: int, size: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Image (channel, *space) and shares of the classes (class, *space)."""
        place = self._place(number)
        case = self._cases[place.case]
        draw = np.random.default_rng(seed_of(self._config.train.seed, _CHOICE, number))
        start, shape = self._window(place, draw)
        window = tuple(slice(first, first + n) for first, n in zip(start, shape, strict=True))
        image = self._of_place(torch.from_numpy(case.image[(slice(None), *window)].copy()))
        reads = self._of_place(
            torch.from_numpy(self._chosen(case.reads, draw)[(slice(None), *window)].copy())
        )
        seed = seed_of(self._config.train.seed, _CHANGE, number)
        image, reads = self._augmenter()(image, reads.float(), seed)
        padding = self._config.preparation.padding
        image, reads = _padded(image, size, padding), _padded(reads, size, 0.0)
        if self._settings.coordinates:
            image = torch.cat([image, self._coordinates(case, start, size)])
        return image, F.one_hot(reads.long(), self._classes).movedim(-1, 1).float().mean(0)

    def _chosen(self, reads: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """The reads (read, D, H, W) that the item is made of."""
        if len(reads) == 1 or self._config.data.reads == "mean":
            return reads
        if self._config.data.reads == "majority":
            return majority(reads, self._classes - 1)[None]
        chosen = int(draw.integers(len(reads)))
        return reads[chosen : chosen + 1]

    def _window(self, place: _Place, draw: np.random.Generator) -> tuple[list[int], list[int]]:
        """First voxel and size along (D, H, W) of what is taken of the case."""
        shape = self._window_shape(place)
        room = [n - k for n, k in zip(self._cases[place.case].shape, shape, strict=True)]
        centred = self._config.train.crop_at == "centre"
        start = [left // 2 if centred else int(draw.integers(left + 1)) for left in room]
        if place.slice is not None:
            start[self._axis] = place.slice
        return start, shape

    def _window_shape(self, place: _Place) -> list[int]:
        whole = self._cases[place.case].shape
        crop = self._config.train.crop or whole
        shape = [min(n, k) for n, k in zip(whole, crop, strict=True)]
        if place.slice is not None:
            shape[self._axis] = 1
        return shape

    def _size(self, number: int) -> list[int]:
        shape = self._window_shape(self._place(number))
        *rest, h, w = (shape[axis] for axis in self._axes)
        if self._config.augmentation.quarter_turns:  # turned, it must fit too
            h = w = max(h, w)
        return [*rest, h, w]

    def _of_place(self, values: Tensor) -> Tensor:
        return values.squeeze(1 + self._axis) if self._flat else values

    def _coordinates(
        self, case: CachedCase, start: Sequence[int], size: Sequence[int]
    ) -> Float32[Tensor, "3 ..."]:
        """Where the item's voxels lie in the whole prepared scan, as `prepare` says it of a box."""
        sizes = dict(zip(self._axes, size, strict=True))
        lines = [
            coordinates(first, sizes.get(axis, 1), whole)
            for axis, (first, whole) in enumerate(zip(start, case.shape, strict=True))
        ]
        return self._of_place(torch.stack(torch.meshgrid(*lines, indexing="ij")))

    def _augmenter(self) -> Augmenter:
        """One a thread, as MONAI's keep their random state in themselves."""
        if not hasattr(self._threads, "augmenter"):
            rule, padding = self._config.augmentation, self._config.preparation.padding
            self._threads.augmenter = Augmenter(rule, self._axes, padding)
        found: Augmenter = self._threads.augmenter
        return found

    def _place(self, number: int) -> _Place:
        epoch, place = divmod(number, len(self._places))
        return self._places[int(self._order(epoch)[place])]

    def _shuffled(self, epoch: int) -> Int64[np.ndarray, " place"]:
        seed = seed_of(self._config.train.seed, _ORDER, epoch)
        return np.random.default_rng(seed).permutation(len(self._places))


def _padded(values: Tensor, size: Sequence[int], value: float) -> Tensor:
    missing = [end - have for end, have in zip(reversed(size), reversed(values.shape[1:]), strict=True)]
    return F.pad(values, [amount for end in missing for amount in (0, end)], value=value)
