"""The Raters dock in a real window: real strokes, keys, how it opens without torch, fits, and closes."""

import subprocess
import sys

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication

from napari_diffseg.raters.opening import open_read

FIRST = "hippocampus_148"

OPENED = """
import sys
import napari
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_diffseg.widgets import RatersWidget
dock = RatersWidget(ViewerModel())
dock.open_project(sys.argv[1])
while dock.view is None:
    app.processEvents()
dock.view.who.setCurrentIndex(0)
dock.view.who.activated.emit(0)
dock.view.open_case("hippocampus_148")
while dock.view.page.read is None:
    app.processEvents()
print("torch" in sys.modules)
dock.shut_down()
"""


@pytest.fixture
def docked(make_napari_viewer, open_in, read_case, project):
    """A window in which Anna reads the first case."""

    def make(show):
        viewer = make_napari_viewer(show=show)
        viewer.window.resize(1280, 800)
        _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Raters")
        view = open_in(dock, project.root)
        read_case(view)
        viewer.window._qt_window.activateWindow()
        return viewer, dock, view.page

    return make


@pytest.fixture
def reading(docked):
    return docked(show=True)


@pytest.fixture
def hidden(docked):
    return docked(show=False)


def stroke(qtbot, viewer, *, length=30):
    """Press, drag and let go in the middle of the picture."""
    canvas = viewer.window._qt_viewer.canvas.native
    middle, left = canvas.rect().center(), Qt.MouseButton.LeftButton
    qtbot.mousePress(canvas, left, pos=middle)
    for step in range(0, length, 5):
        qtbot.mouseMove(canvas, middle + QPoint(step, 0))
    qtbot.mouseRelease(canvas, left, pos=middle + QPoint(length, 0))


def press(qtbot, viewer, key, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(viewer.window._qt_viewer.canvas.native, key, modifier)


def test_a_case_is_read_without_torch(project):
    command = [sys.executable, "-c", OPENED, str(project.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_stroke_of_the_mouse_and_its_undo_are_saved(qtbot, reading, saved):
    viewer, _, page = reading
    stroke(qtbot, viewer)
    assert (page.read.labels.data == 2).any()
    saved(page)
    assert np.array_equal(page.read.session.read.mask(), page.read.labels.data)
    press(qtbot, viewer, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not page.read.labels.data.any()
    saved(page)
    assert not page.read.session.read.mask().any()


def test_keys_work_while_the_read_is_selected_and_not_otherwise(qtbot, reading, saved):
    viewer, _, page = reading
    read = page.read
    stroke(qtbot, viewer)
    saved(page)
    press(qtbot, viewer, Qt.Key.Key_N)
    saved(page)
    assert read.in_hand == 3
    press(qtbot, viewer, Qt.Key.Key_Comma)
    assert read.in_hand == 2
    press(qtbot, viewer, Qt.Key.Key_W)
    assert read.labels.brush_size == 10
    press(qtbot, viewer, Qt.Key.Key_O)
    assert read.labels.contour == 1
    press(qtbot, viewer, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: page.panel.form.ratings.boxes["subtlety"].hasFocus(), timeout=2_000)
    qtbot.keyClick(page.panel.form.ratings.boxes["subtlety"], Qt.Key.Key_4)
    qtbot.keyClick(page.panel.form.ratings.boxes["internalStructure"], Qt.Key.Key_Escape)
    assert not page.panel.form.ratings.boxes["internalStructure"].hasFocus()
    qtbot.keyClick(viewer.window._qt_window, Qt.Key.Key_O)
    assert read.labels.contour == 0
    assert read.lesions[0].ratings == {"subtlety": 4}
    viewer.layers.selection = {read.layers.images[0]}
    press(qtbot, viewer, Qt.Key.Key_O)
    assert read.labels.contour == 0
    assert not page._sheet.isEnabled()
    viewer.layers.selection = {read.labels}
    assert page._sheet.isEnabled()


def test_closing_the_dock_saves_gives_the_lock_back_and_takes_the_layers_away(hidden, paint, project):
    viewer, dock, page = hidden
    paint(page.read, (10, 20, 16))
    drawn = page.read.labels.data.copy()
    viewer.window.remove_dock_widget(dock)
    assert list(viewer.layers) == []
    with open_read(project, FIRST, "Anna") as read:
        assert np.array_equal(read.mask(), drawn)
    dock.shut_down()  # as the end of the program does once more
    dock.deleteLater()


def test_closing_the_window_saves_and_gives_the_lock_back(hidden, paint, project):
    viewer, _, page = hidden
    paint(page.read, (10, 20, 16))
    drawn = page.read.labels.data.copy()
    viewer.close()
    with open_read(project, FIRST, "Anna") as read:
        assert np.array_equal(read.mask(), drawn)


def test_the_end_of_the_program_saves_and_gives_the_lock_back(hidden, paint, project):
    _, dock, page = hidden
    paint(page.read, (10, 20, 16))
    drawn = page.read.labels.data.copy()
    dock.shut_down()  # what aboutToQuit is connected to
    with open_read(project, FIRST, "Anna") as read:
        assert np.array_equal(read.mask(), drawn)


def test_reading_and_finishing_fit_a_small_screen_without_a_scroll_bar(qtbot, reading, saved):
    viewer, _, page = reading
    area = page.layout().itemAt(0).widget()
    stroke(qtbot, viewer)
    saved(page)
    qtbot.wait(200)
    assert viewer.window._qt_window.height() <= 800
    assert area.verticalScrollBar().maximum() == 0
    page.line.finish.click()
    qtbot.waitUntil(lambda: bool(page.finishing.buttons), timeout=5_000)
    page.finishing.buttons["Finish all the same"].click()
    qtbot.waitUntil(lambda: page.read.is_frozen, timeout=5_000)
    QApplication.processEvents()
    assert area.verticalScrollBar().maximum() == 0
    assert area.widget().minimumSizeHint().width() <= 320


def test_three_dimensions_are_a_tick_away_and_follow_napari(reading):
    viewer, _, page = reading
    page.tools.in_3d.setChecked(True)
    assert viewer.dims.ndisplay == 3
    viewer.dims.ndisplay = 2
    assert not page.tools.in_3d.isChecked()
