"""Batches of a process, made ahead in threads."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch

from napari_diffseg.methods.method import Batch
from napari_diffseg.training.items import Items

_AHEAD = 2
"""Steps whose batches are being made while one is computed, over as many threads as there are."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process does of every step.

    Args:
        batch: items of a whole step.
        parts: that the process computes its items in, one after the other.
        process: its number.
        processes: how many there are.
    """

    batch: int
    parts: int = 1
    process: int = 0
    processes: int = 1

    @property
    def places(self) -> list[range]:
        """Places in the step's whole batch, part by part."""
        own = self.batch // self.processes
        first = self.process * own
        size = -(-own // self.parts)
        return [range(first + k, first + min(k + size, own)) for k in range(0, own, size)]


class Loader:
    """The parts of every step's batch, in order.

    Args:
        items: of the run.
        share: of this process.
        workers: threads.
        device: where the batches are wanted.
    """

    def __init__(self, items: Items, share: Share, workers: int, device: torch.device) -> None:
        self._items, self._share, self._device = items, share, device
        self._pool, self._ahead = ThreadPoolExecutor(workers), _AHEAD + workers
        self.waited = 0.0
        """Seconds that were waited for data, in all."""

    def steps(self, first: int, last: int) -> Iterator[Iterator[Batch]]:
        """The batches of every step from `first` to `last`; each must be used up before the next."""
        coming: deque[list[Future[Batch]]] = deque()
        for step in range(first, last + 1):
            for ahead in range(step + len(coming), min(step + self._ahead, last + 1)):
                coming.append(self._submit(ahead))
            yield map(self._ready, coming.popleft())

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, step: int) -> list[Future[Batch]]:
        numbers = range((step - 1) * self._share.batch, step * self._share.batch)
        return [
            self._pool.submit(self._items.batch, numbers[places.start : places.stop], numbers)
            for places in self._share.places
        ]

    def _ready(self, future: Future[Batch]) -> Batch:
        began = time.perf_counter()
        batch = future.result()
        self.waited += time.perf_counter() - began
        if self._device.type == "cuda":
            image, mask = (part.pin_memory() for part in (batch.image, batch.mask))
            return Batch(*(part.to(self._device, non_blocking=True) for part in (image, mask)))
        return Batch(batch.image.to(self._device), batch.mask.to(self._device))
