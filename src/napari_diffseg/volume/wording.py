"""Sizes and lists as a person reads them."""

from collections.abc import Iterable, Sequence


def times(numbers: Iterable[int | float]) -> str:
    """For example "24 × 50 × 35" or "0.734375 × 0.734375 × 5"."""
    return " × ".join(f"{number:.6g}" for number in numbers)


def some(sentences: Sequence[str], most: int) -> list[str]:
    """The first so many, and how many more there are."""
    rest = len(sentences) - most
    return [*sentences[:most], *([f"… and {rest} more."] if rest > 0 else [])]


def stem(file_name: str) -> str:
    """A file's name without its NIfTI ending."""
    return file_name.removesuffix(".gz").removesuffix(".nii")
