"""Sizes as a person reads them."""

from collections.abc import Iterable


def times(numbers: Iterable[int | float]) -> str:
    """For example "24 × 50 × 35" or "0.734375 × 0.734375 × 5"."""
    return " × ".join(f"{number:.6g}" for number in numbers)
