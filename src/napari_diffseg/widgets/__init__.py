"""The docks. Each is loaded when it is opened, so that napari's menus cost nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_diffseg.widgets.segment import SegmentWidget

__all__ = ["SegmentWidget"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.segment"), name)
