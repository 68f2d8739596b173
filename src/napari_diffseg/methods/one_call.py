"""What methods without diffusion share: one network call is the whole answer, and there is one member."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from napari_diffseg.diffusion.state import State


@torch.no_grad()
def segmented(
    network: Callable[[Tensor], Tensor], image: Float[Tensor, "member channel *space"]
) -> Iterator[State]:
    """The softmax of the logits of all classes, as the first and last state."""
    x0 = network(image).float().softmax(dim=1)
    yield State(1, 1, 0.0, x0, x0)


def foreground_of(
    x0: Float[Tensor, "member class *space"],
) -> Float[Tensor, "member foreground *space"]:
    """The softmax's classes without the background."""
    return x0[:, 1:]
