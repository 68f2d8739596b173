"""A rater in a real window who paints at random until killed.

Run with a project's folder, a seed and a folder. Every change of the mask is written down there: the mask in
states.bin as soon as the layer tells, and a line in times.txt with the time, how many masks that makes, and
what was done, once the call that did it has returned. The first mask is what was found at opening.
"""

import os
import random
import sys
import time
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QEvent, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication


class Painter:
    """One thing every few milliseconds: a stroke, a fill, a polygon, a tool, undo, redo, the mouse."""

    def __init__(self, viewer, page, folder, seed):
        self.viewer, self.page, self.rng = viewer, page, random.Random(seed)
        self.labels = page.read.labels
        self.states = (folder / "states.bin").open("wb", buffering=0)
        self.times = (folder / "times.txt").open("w", buffering=1)
        self.held, self.written = None, 0
        events = self.labels.events
        for event in (events.paint, events.labels_update, events.set_data):
            event.connect(self.write)
        self.note("opened")

    def write(self, event=None):
        self.states.write(self.labels.data.tobytes())
        self.written += 1

    def note(self, what):
        self.write()
        self.times.write(f"{time.time():.4f} {self.written} {what}\n")

    def go_on(self):
        if self.held is not None:
            self.drag()
        else:
            what = self.rng.choices(
                ["paint", "undo", "redo", "fill", "polygon", "tool", "mouse"], [30, 20, 8, 3, 4, 6, 6]
            )[0]
            getattr(self, what)()
            self.note(what)
        QTimer.singleShot(self.rng.choice([0, 5, 20, 60, 400]), self.go_on)

    def place(self):
        return [self.rng.randrange(size) for size in self.labels.data.shape]

    def paint(self):
        self.labels.brush_size = self.rng.randint(1, 12)
        self.labels.n_edit_dimensions = self.rng.choice([2, 2, 3])
        self.labels.paint(self.place(), self.rng.choice([0, 2, 2, 3, 4, 5]))
        self.labels.n_edit_dimensions = 2

    def undo(self):
        self.labels.undo()

    def redo(self):
        self.labels.redo()

    def fill(self):
        self.labels.fill(self.place(), self.rng.choice([0, 2, 3]))

    def polygon(self):
        axis, here = self.page.read.view.slice_in_view()
        corners = [self.place() for _ in range(4)]
        for corner in corners:
            corner[axis] = here
        self.labels.paint_polygon(corners, self.rng.choice([2, 3]))

    def tool(self):
        tools = self.page.read.tools
        self.rng.choice([tools.interpolate, tools.copy_previous, tools.smooth, tools.keep_largest])()

    def mouse(self):
        """Press a real button; the following calls drag, the last of them lets go."""
        self.labels.mode = "paint"
        self.viewer.layers.selection = {self.labels}
        canvas = self.viewer.window._qt_viewer.canvas.native
        middle = canvas.rect().center()
        self.at = QPointF(middle) + QPointF(self.rng.randint(-80, 80), self.rng.randint(-80, 80))
        self.held = self.rng.randint(2, 40)
        self.send(QEvent.Type.MouseButtonPress, Qt.MouseButton.LeftButton)

    def drag(self):
        self.held -= 1
        self.at += QPointF(self.rng.randint(-9, 9), self.rng.randint(-9, 9))
        if self.held:
            self.send(QEvent.Type.MouseMove, Qt.MouseButton.NoButton)
            self.note("drag")
        else:
            self.held = None
            self.send(QEvent.Type.MouseButtonRelease, Qt.MouseButton.LeftButton)
            self.note("release")

    def send(self, kind, button):
        canvas = self.viewer.window._qt_viewer.canvas.native
        held = (
            Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
        )
        there = QPointF(canvas.mapToGlobal(self.at.toPoint()))
        event = QMouseEvent(kind, self.at, there, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(canvas, event)


def main(root, seed, folder):
    np.seterr(all="ignore")
    viewer = napari.Viewer(show_welcome_screen=False)
    _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Raters")
    dock.open_project(root)
    painter, asked = [], []

    def begin():
        view = dock.view
        if view is not None and not asked:
            view.who.setCurrentIndex(view.who.findText("Anna"))
            view.who.activated.emit(view.who.currentIndex())
            view.open_case(view.project.document.cases[0].name)
            asked.append(True)
        elif asked and view.page.read is not None:
            ready.stop()
            painter.append(Painter(viewer, view.page, folder, seed))
            painter[0].go_on()

    ready = QTimer()
    ready.timeout.connect(begin)
    ready.start(20)
    napari.run()


if __name__ == "__main__":
    os.environ.setdefault("QT_API", "pyqt6")
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
