"""The dock in a real window: how it opens, what it loads, and how it closes."""

import subprocess
import sys

import pytest
from qtpy.QtCore import Qt, QThreadPool
from superqt.utils import WorkerBase

OPENED = """
import sys
import napari
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_diffseg.widgets import SegmentWidget
dock = SegmentWidget(ViewerModel())
dock.show()
app.processEvents()
print("torch" in sys.modules)
print(dock.expected.text())
while "Ready" not in dock.expected.text():
    app.processEvents()
print("torch" in sys.modules, dock.expected.text())
dock.shut_down()
"""


@pytest.fixture
def docked(make_napari_viewer, tiny_checkpoint_path, crop_path):
    """A window with a scan and the Segment dock, drawing an ensemble that takes a while."""
    viewer = make_napari_viewer()
    viewer.open(crop_path, plugin="napari-diffseg")
    _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Segment")
    dock.model.take(tiny_checkpoint_path)
    dock.form.rows["members"].value = 64
    dock.form.rows["device"].value = "cpu"
    dock.form.rows["steps"].value = "20"
    return viewer, dock


def busy_threads():
    return QThreadPool.globalInstance().activeThreadCount()


def begin(qtbot, dock, *, member=1):
    qtbot.mouseClick(dock.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: f"member {member} of" in dock.progress.line.text(), timeout=60_000)


def test_the_dock_opens_without_torch_which_comes_later():
    done = subprocess.run([sys.executable, "-c", OPENED], capture_output=True, text=True, check=True)
    opened, loading, ready = done.stdout.splitlines()
    assert opened == "False"
    assert loading == "Loading engine…"
    assert ready.startswith("True Ready: ")


def test_closing_the_dock_during_a_run_leaves_no_thread_and_keeps_finished_members(qtbot, docked):
    viewer, dock = docked
    begin(qtbot, dock, member=2)
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: busy_threads() == 0, timeout=5_000)
    names = [layer.name.split(" ")[0] for layer in viewer.layers]
    assert names[1:] == ["mean", "variance", "consensus"] or names[1:] == ["mean", "consensus"]
    assert viewer.layers[-1].editable
    dock.shut_down()  # as the end of the program does once more
    dock.deleteLater()


def test_closing_the_dock_before_the_first_member_removes_its_layers(qtbot, docked):
    viewer, dock = docked
    begin(qtbot, dock)
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: busy_threads() == 0, timeout=5_000)
    assert [layer.name for layer in viewer.layers] == ["hippocampus_148"]
    dock.deleteLater()


def test_closing_the_window_during_a_run_leaves_no_thread(qtbot, docked):
    viewer, dock = docked
    begin(qtbot, dock)
    viewer.close()
    qtbot.waitUntil(lambda: busy_threads() == 0, timeout=5_000)


def test_napari_waiting_for_workers_ends_a_run_at_once(qtbot, docked):
    _, dock = docked
    begin(qtbot, dock)
    WorkerBase.await_workers(5_000)
    assert busy_threads() == 0


def test_the_dock_follows_layers_that_come_are_renamed_and_go(docked, crop_path):
    viewer, dock = docked
    viewer.open(crop_path, plugin="napari-diffseg")
    viewer.layers[-1].name = "another"
    assert [str(layer) for layer in dock.channels.combos["t1"].choices if layer] == [
        "hippocampus_148",
        "another",
    ]
    viewer.layers.remove("another")
    assert len([layer for layer in dock.channels.combos["t1"].choices if layer]) == 1
    viewer.layers.clear()
    assert not dock.start.isEnabled()


def test_control_and_return_starts_and_escape_cancels(qtbot, docked):
    viewer, dock = docked
    viewer.window.show()
    dock.activateWindow()
    dock.start.setFocus()
    qtbot.waitUntil(dock.start.hasFocus, timeout=5_000)
    qtbot.keyClick(dock.start, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert dock.start.text() == "Cancel"
    qtbot.keyClick(dock.start, Qt.Key.Key_Escape)
    assert dock.start.text() == "Cancelling…"
    qtbot.waitUntil(lambda: dock.engine.job is None, timeout=30_000)


def test_the_main_path_fits_a_small_screen_without_a_scroll_bar(qtbot, docked):
    viewer, dock = docked
    viewer.window.show()
    viewer.window.resize(1280, 800)
    qtbot.wait(200)
    area = dock.layout().itemAt(0).widget()
    assert area.verticalScrollBar().maximum() == 0
    assert area.widget().minimumSizeHint().width() <= 300
