"""What was read from an official checkpoint, before it means anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Foreign:
    """Tensors by their official names, on the CPU.

    Args:
        file: what the file or folder is called in messages.
        tensors: each with memory of its own.
        settings: what else the file says of the network and its training; mostly nothing.
    """

    file: str
    tensors: Mapping[str, Tensor]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of every tensor."""
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}
