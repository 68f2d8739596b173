"""What every network's shape says before the network is built."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


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


Multiplier = Annotated[int, Field(ge=1, le=64)]


class LevelsConfig(NetworkConfig):
    """Shape of a network with levels, each at half the size of the one before.

    Attributes:
        width: channels of the first convolution; the others are multiples of it.
        multipliers: times `width` at each level, full size first.
    """

    width: int
    multipliers: tuple[Multiplier, ...]

    @property
    def divisor(self) -> int:
        """Sizes are multiples of this: every level but the first halves them."""
        return int(2 ** (len(self.multipliers) - 1))

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels at each level."""
        return tuple(multiplier * self.width for multiplier in self.multipliers)

    @property
    def rates(self) -> tuple[int, ...]:
        """Downsampling rate of each level."""
        return tuple(2**level for level in range(len(self.multipliers)))

    def require_rates(self, rates: tuple[int, ...]) -> None:
        """Refuse attention at a rate that no level has.

        Raises:
            ValueError: for pydantic, which names the field.
        """
        if not set(self.rates).issuperset(rates):
            raise ValueError(
                f"attention_at is {rates}, but the levels have the downsampling rates {self.rates}. "
                "Name some of those, or none."
            )

    def require_groups(self, groups: int, widths: Iterable[int]) -> None:
        """Refuse groups that do not divide the channels of a norm.

        Raises:
            ValueError: for pydantic, which names the field.
        """
        for width in widths:
            if width % groups:
                raise ValueError(
                    f"{groups} groups do not divide {width} channels. Change groups, width or multipliers."
                )
