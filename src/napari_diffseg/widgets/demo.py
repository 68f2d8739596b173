"""The main job on the sample scan, through the Segment dock itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QApplication
from rich.console import Console

from napari_diffseg.errors import DiffSegError
from napari_diffseg.layers import grid_of
from napari_diffseg.results.folder import write_result
from napari_diffseg.results.record import RECORD
from napari_diffseg.results.result import Result
from napari_diffseg.widgets.segment.segment import SegmentWidget
from napari_diffseg.widgets.wording import duration, volume

MODEL = "hippocampus-imgx"
SIZE_MM = (36, 52, 36)
_WINDOW = (1280, 800)
_PIXELS_PER_MM = 5.0
_PAINTED_MS = 1000


@dataclass(frozen=True, slots=True)
class Side:
    """One hippocampus: its name as the patient has it, and its middle in MNI millimetres (RAS+)."""

    name: str
    middle_mm: tuple[float, float, float]


SIDES = (Side("left", (-28, -21, -14)), Side("right", (28, -21, -14)))


def run(headless: bool, out: Path) -> int:
    """Segment both hippocampi of the sample head MR in a viewer.

    Args:
        headless: save results and a picture, and close; otherwise the window stays open.
        out: gets left/, right/, demo.png and result.json of both where there is no window; older ones
            are replaced.

    Returns:
        The exit code, 0.

    Raises:
        DiffSegError: there was no window, and a run gave nothing; says why, as the dock did.
    """
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(*_WINDOW)
    viewer.open_sample("napari-diffseg", "head_mr")
    _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Segment")
    tour = _Tour(viewer, dock, out if headless else None)
    QTimer.singleShot(0, tour.begin)
    napari.run()
    if tour.error is not None:
        raise tour.error
    return 0


class _Tour(QObject):
    """One side after the other; what a person's hands do, it does through the dock's own controls.

    Attributes:
        error: what ended it early, without a window.
    """

    def __init__(self, viewer: napari.Viewer, dock: SegmentWidget, out: Path | None) -> None:
        super().__init__()
        self._viewer, self._dock, self._out = viewer, dock, out
        self._console = Console(highlight=False, soft_wrap=True)
        self._left = list(SIDES)
        self.error: Exception | None = None

    def begin(self) -> None:
        """Choose the model and the box, and press Segment for the first side."""
        self._dock.model.choose(MODEL)
        self._dock.region.choose("box")
        for spin, size in zip(self._dock.region.sizes_mm, SIZE_MM, strict=True):
            spin.setValue(size)
        self._dock.engine.ended.connect(self._go_on)
        self._press()

    def _press(self) -> None:
        """Bring the slices to the middle of the next side, and press."""
        self._viewer.dims.set_point(range(3), _world_mm(self._viewer, self._left[0].middle_mm))
        self._dock.start.click()
        if self._dock.engine.job is None:
            self._stop(DiffSegError(self._dock.obstacle.text()))

    def _go_on(self) -> None:
        """A run is over."""
        try:
            self._take(self._left.pop(0))
        except Exception as error:
            self._stop(error)
            return
        if self._left:
            self._press()
        else:
            _look_at_both(self._viewer)
            QTimer.singleShot(_PAINTED_MS, self._end)

    def _take(self, side: Side) -> None:
        result = self._dock.outcome.result
        if result is None:
            raise DiffSegError(self._dock.message.text())
        if self._out is not None:
            write_result(result, self._out / side.name, overwrite=True)
        self._console.print(_told(side, result))

    def _end(self) -> None:
        if self._out is None:
            return
        told = {side.name: json.loads((self._out / side.name / RECORD).read_text("utf-8")) for side in SIDES}
        (self._out / RECORD).write_text(json.dumps(told, indent=2), "utf-8")
        picture = self._out / "demo.png"
        self._viewer.screenshot(str(picture), canvas_only=False, flash=False)
        self._console.print(f"Results and picture: {self._out}")
        self._close()

    def _stop(self, error: Exception) -> None:
        """End early; with a window the dock has told the person why."""
        if self._out is not None:
            self.error = error
            self._close()

    def _close(self) -> None:
        self._viewer.close()
        QApplication.quit()


def _world_mm(viewer: napari.Viewer, mni_mm: tuple[float, float, float]) -> tuple[float, ...]:
    """Where the viewer shows a point of the sample."""
    layer = viewer.layers[0]
    voxel = np.linalg.solve(grid_of([layer]).affine, [*mni_mm, 1.0])[:3]
    return tuple(layer.data_to_world(voxel))


def _look_at_both(viewer: napari.Viewer) -> None:
    """The axial slice through both, near enough to see their borders."""
    left, right = (_world_mm(viewer, side.middle_mm) for side in SIDES)
    viewer.dims.set_point(range(3), left)
    viewer.scene.camera.center = tuple((np.array(left) + np.array(right)) / 2)
    viewer.scene.camera.zoom = _PIXELS_PER_MM


def _told(side: Side, result: Result) -> str:
    volumes = [f"{line['class']} {volume(line['mean_ml'], line['sd_ml'])}" for line in result.summary()]
    took = duration(result.provenance.duration_s)
    return f"{side.name} hippocampus: {', '.join(volumes)} ({len(result.members)} members, {took})"
