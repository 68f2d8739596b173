"""Foreground classes from their names alone."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

from napari_diffseg.results.result import ClassInfo

_GOLDEN_SECTION = 0.618034


def named(names: Iterable[str]) -> tuple[ClassInfo, ...]:
    """Classes in this order, each of another colour."""
    return tuple(ClassInfo(name, colour(place)) for place, name in enumerate(names))


def colour(place: int) -> str:
    """Hues a golden section of the circle apart, so that neighbours differ."""
    rgb = colorsys.hsv_to_rgb((0.02 + place * _GOLDEN_SECTION) % 1, 0.75, 0.9)
    return "#" + "".join(f"{round(255 * value):02x}" for value in rgb)
