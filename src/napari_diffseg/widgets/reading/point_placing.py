"""A point marked with the next click in the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal


class PointPlacing(QObject):
    """Waits for a click and tells its voxel; a drag still moves the picture, and nothing is painted.

    Args:
        viewer: that is clicked in.
        labels: whose voxels are meant.
        parent: of this.

    Signals:
        placed: the voxel, (D, H, W).
        missed: the click lay outside the scan; it waits on.
    """

    placed = Signal(object)
    missed = Signal()

    def __init__(self, viewer: ViewerModel, labels: Labels, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._labels = viewer, labels
        self._mode = labels.mode

    @property
    def is_waiting(self) -> bool:
        """Whether the next click marks a point."""
        return self._place in self._viewer.mouse_drag_callbacks

    def begin(self) -> None:
        """Wait for a click."""
        if not self.is_waiting:
            self._mode, self._labels.mode = self._labels.mode, "pan_zoom"
            self._viewer.mouse_drag_callbacks.append(self._place)

    def end(self) -> None:
        """Wait no more."""
        if self.is_waiting:
            self._viewer.mouse_drag_callbacks.remove(self._place)
            if self._labels.editable:
                self._labels.mode = self._mode

    def _place(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        yield
        if event.type != "mouse_release":
            return
        voxel = np.rint(self._labels.world_to_data(event.position)).astype(int)
        if (voxel < 0).any() or (voxel >= self._labels.data.shape).any():
            self.missed.emit()
            return
        self.end()
        d, h, w = voxel.tolist()
        self.placed.emit((d, h, w))
