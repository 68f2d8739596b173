"""The docks. Each is loaded when it is opened, so that napari's menus cost nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_diffseg.widgets.projects.raters import RatersWidget
    from napari_diffseg.widgets.segment.segment import SegmentWidget
    from napari_diffseg.widgets.training.train import TrainWidget

__all__ = ["RatersWidget", "SegmentWidget", "TrainWidget"]

_MODULES = {
    "RatersWidget": "projects.raters",
    "SegmentWidget": "segment.segment",
    "TrainWidget": "training.train",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
