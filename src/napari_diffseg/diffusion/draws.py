"""Training's random numbers, addressed, not consumed: an item's draws depend on its place in a step alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float32, Float64, Int64
from numpy.random import SeedSequence
from torch import Tensor


class Draws:
    """Random numbers for some items of one training step.

    Drawn on the CPU, each item's from a stream of its own that starts at (seed, step, place), so that an item
    does not depend on which others stand beside it: a step that several processes share, or several batches
    whose gradients add up, draws what one batch would. Every call goes on in each stream, so the same calls
    with the same shapes give the same numbers.

    Args:
        seed: of the run.
        step: of the optimiser.
        places: of these items in the step's whole batch, from 0.
        batch: items in the whole batch.
    """

    def __init__(self, seed: int, step: int, places: range, batch: int) -> None:
        self._places, self._batch = places, batch
        self._streams = [_stream(seed, step, place) for place in places]
        self._shared = _stream(seed, step, batch)  # at the first place that no item has

    def normal(self, shape: tuple[int, ...]) -> Float32[Tensor, "item ..."]:
        """A standard normal field of this shape for each item."""
        return self._each(lambda stream: torch.randn(shape, generator=stream, dtype=torch.float32))

    def uniform(self, *size: int) -> Float64[Tensor, "item ..."]:
        """Numbers in [0, 1) of this size for each item; one number without a size."""
        return self._each(lambda stream: torch.rand(size, generator=stream, dtype=torch.float64))

    def integers(self, high: int) -> Int64[Tensor, " item"]:
        """A whole number for each item, from 0 to below `high`."""
        return self._each(lambda stream: torch.randint(high, (), generator=stream))

    def stratified(self) -> Float64[Tensor, " item"]:
        """A number in [0, 1) for each item; each of the whole batch's equal parts holds one item's.

        Source:
            The times of Christensen et al. 2025, official code.
        """
        part = torch.randperm(self._batch, generator=self._shared)[list(self._places)]
        return (part + self.uniform()) / self._batch

    def _each(self, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        return torch.stack([draw(stream) for stream in self._streams])


def _stream(seed: int, step: int, place: int) -> torch.Generator:
    """A generator at an address, by 32 bits: torch's takes no more of a seed on a CPU."""
    bits = SeedSequence((seed, step), spawn_key=(place,)).generate_state(1)
    return torch.Generator().manual_seed(int(bits[0]))
