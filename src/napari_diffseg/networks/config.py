"""What every network's shape says before the network is built."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class NetworkConfig(BaseModel):
    """Shape of a network.

    Attributes:
        dimensions: 2 for slices, 3 for volumes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimensions: Literal[2, 3]

    @property
    def divisor(self) -> int:
        """The network takes sizes that are multiples of this."""
        return 1
