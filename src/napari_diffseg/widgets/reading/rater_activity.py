"""Seconds of active work on a case: they stop when nobody does anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel
from qtpy.QtCore import QObject, QTimer, Signal

IDLE_S = 30.0
_EVERY_S = 1.0


class Activity(QObject):
    """Counts while the viewer is used: the mouse moves over it, slices change, something is drawn.

    Args:
        viewer: that is watched.
        parent: of this.
        clock: seconds.

    Attributes:
        seconds: since `restart`, those before it counted as given there.

    Signals:
        ticked: about every second, with the seconds of work since the last time.
    """

    ticked = Signal(float)

    def __init__(
        self, viewer: ViewerModel, parent: QObject, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._viewer, self._clock = viewer, clock
        self.seconds = 0.0
        self._looked = self._touched = clock()
        self._timer = QTimer(self)
        self._timer.setInterval(round(1000 * _EVERY_S))
        self._timer.timeout.connect(self.look)

    @property
    def is_idle(self) -> bool:
        """Whether nothing has been done for half a minute."""
        return self._clock() - self._touched >= IDLE_S

    def restart(self, seconds: float) -> None:
        """Begin to count; so many seconds were worked before."""
        self.seconds = seconds
        self._looked = self._touched = self._clock()
        self._timer.start()
        for event in self._events():
            event.connect(self.touch)

    def stop(self) -> None:
        """Count no longer."""
        self._timer.stop()
        for event in self._events():
            event.disconnect(self.touch)

    def touch(self, event: object = None) -> None:
        """Somebody did something."""
        self._touched = self._clock()

    def look(self) -> None:
        """Count what was worked since the last look."""
        now = self._clock()
        # after the machine slept, one look spans hours
        worked = min(now - self._looked, 2 * _EVERY_S) if now - self._touched < IDLE_S else 0.0
        self._looked = now
        self.seconds += worked
        self.ticked.emit(worked)

    def _events(self) -> tuple[Any, ...]:
        viewer = self._viewer
        return viewer.cursor.events.position, viewer.dims.events.point, viewer.scene.camera.events.zoom
