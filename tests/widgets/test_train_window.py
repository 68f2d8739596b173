"""The Train dock in a window: that it fits, hears keys, follows the theme, and takes layers."""

import shutil

import pytest
from napari.settings import get_plugin_settings
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog, QScrollArea

from napari_diffseg.training.events import Started, Warned
from napari_diffseg.training.folder import BEST
from napari_diffseg.training.forecast import Forecast
from napari_diffseg.training.without_diffusion import WITHOUT_DIFFUSION
from napari_diffseg.widgets.segment.segment import SegmentWidget
from napari_diffseg.widgets.training.checking import forecast_in_words
from napari_diffseg.widgets.training.from_layers import FromLayers

LONG_MS = 60_000


@pytest.fixture
def docked(make_napari_viewer, runs_folder):
    """A small window with the dock."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 800)
    _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Train")
    yield viewer, dock
    dock.shut_down()


@pytest.fixture
def with_data(qtbot, docked, hippocampus):
    """The same with two real cases and a proposed run."""
    viewer, dock = docked
    dock.new.data.open(hippocampus)
    qtbot.waitUntil(lambda: dock.new.start.isEnabled() and not dock.new.data.bar.isVisible(), timeout=LONG_MS)
    return viewer, dock


def scrolls(tab):
    return tab.findChild(QScrollArea).verticalScrollBar().maximum()


def follow(qtbot, dock, run):
    """Choose a run in the table once it is listed, and wait until it is shown."""
    dock.tabs.setCurrentWidget(dock.runs)
    qtbot.waitUntil(lambda: run in dock.runs.table.folders(), timeout=LONG_MS)
    dock.runs.table.choose(run)
    qtbot.waitUntil(lambda: dock.runs.view.isVisible(), timeout=LONG_MS)


def test_a_new_run_that_was_checked_fits_a_small_screen_without_a_scroll_bar(qtbot, with_data):
    _, dock = with_data
    found = Forecast(seconds_a_step=0.51, memory_bytes=750_000_000, parameters=420_000, device="cuda:0")
    dock.new.expected.say(forecast_in_words(found, 30_000))
    qtbot.wait(200)
    assert dock.new.form.cost.isVisible()
    assert scrolls(dock.new) == 0
    assert dock.findChild(QScrollArea).widget().minimumSizeHint().width() <= 400


def test_a_run_with_all_that_it_may_show_fits_too(qtbot, docked, write_run_folder, steps_of, write_preview):
    _, dock = docked
    for name in ("one", "two", "three", "four"):
        write_run_folder(name, [], "stopped", 3)
    started = Started(step=0, steps=3000, device="cuda:0", parameters=1)
    warned = Warned(sentence="The GPU's memory is too small for 8 items at once. " * 3)
    takes = {"seconds_left": 3000.0, "memory_bytes": 10**10}
    run = write_run_folder("five", [started, warned, *steps_of(1, 300)], "running", 300, **takes)
    write_preview(run, 300)
    follow(qtbot, dock, run)
    qtbot.waitUntil(lambda: dock.runs.view.shown_class.isVisible(), timeout=LONG_MS)
    qtbot.wait(300)
    assert scrolls(dock.runs) == 0


def test_a_run_with_its_comparison_fits_too(
    qtbot, docked, write_run_folder, steps_of, write_preview, write_comparison
):
    _, dock = docked
    for name in ("one", "two", "three", "four"):
        write_run_folder(name, [], "stopped", 3)
    run = write_run_folder("five", steps_of(1, 300), "finished", 3000, with_control=True, began=0.0)
    write_run_folder(f"five/{WITHOUT_DIFFUSION}", [], "finished", 3000)
    write_comparison(run)
    write_preview(run, 300)
    follow(qtbot, dock, run)
    qtbot.waitUntil(lambda: dock.runs.view.shown_class.isVisible(), timeout=LONG_MS)
    qtbot.wait(300)
    assert dock.runs.view.comparison.note.isVisible()
    assert scrolls(dock.runs) == 0


def test_the_keyboard_goes_from_the_data_to_the_start_in_the_order_of_the_eye(qtbot, with_data):
    _, dock = with_data
    new = dock.new
    dock.activateWindow()
    new.data.folder.setFocus()
    qtbot.waitUntil(new.data.folder.hasFocus, timeout=5_000)
    reached = [new.data.folder]
    while reached[-1] is not new.start:
        assert len(reached) < 30
        qtbot.keyClick(reached[-1], Qt.Key.Key_Tab)
        reached.append(QApplication.focusWidget())
    control, others = new.form.run.rows["with_control"].native, new.form.others.toggleButton()
    asked = (new.choice.method, new.choice.preset, new.name, control, others, new.place.change, new.start)
    assert [widget for widget in reached if widget in asked] == [*asked]


def test_control_and_return_starts_and_shows_the_runs(qtbot, with_data, monkeypatch):
    _, dock = with_data
    begun = []
    monkeypatch.setattr(dock.runs, "begin", begun.append)
    dock.activateWindow()
    dock.new.name.setFocus()
    qtbot.waitUntil(dock.new.name.hasFocus, timeout=5_000)
    qtbot.keyClick(dock.new.name, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert [run.name for run in begun] == ["hippocampus-imgx"]
    assert dock.tabs.currentWidget() is dock.runs


def test_plots_take_the_colours_of_the_theme(docked):
    viewer, dock = docked
    canvas = dock.runs.view.curves._steps
    seen = []
    for theme in ("light", "dark"):
        viewer.theme = theme
        seen.append(canvas.backgroundBrush().color().lightness())
    assert seen[0] > 200
    assert seen[1] < 80


def test_layers_of_the_viewer_become_the_data_set(qtbot, docked, press, crop_path, tmp_path, monkeypatch):
    viewer, dock = docked
    viewer.open(crop_path, plugin="napari-diffseg")
    viewer.open(crop_path.parents[1] / "labels" / crop_path.name, plugin="napari-diffseg")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    press(dock.new.data.layers)
    dialog = dock.findChild(FromLayers)
    assert dialog.isVisible()
    press(dialog.save)
    qtbot.waitUntil(lambda: "1 case · 1 patient" in dock.new.data.summary.text(), timeout=LONG_MS)
    qtbot.waitUntil(lambda: "none would be left to train on" in dock.new.obstacle.text(), timeout=LONG_MS)


def test_nothing_ticked_is_a_sentence(qtbot, docked, press, crop_path, tmp_path):
    viewer, _ = docked
    viewer.open(crop_path, plugin="napari-diffseg")
    viewer.open(crop_path.parents[1] / "labels" / crop_path.name, plugin="napari-diffseg")
    dialog = FromLayers(viewer)
    qtbot.addWidget(dialog)
    dialog.tree.topLevelItem(0).setCheckState(0, Qt.CheckState.Unchecked)
    dialog.save_to(tmp_path)
    assert "Tick at least one image" in dialog.message.text()
    assert list(tmp_path.iterdir()) == [] or not (tmp_path / "images").exists()


@pytest.fixture
def _preferences_as_before():
    yield
    get_plugin_settings("napari-diffseg").train.runs_folder = ""


@pytest.mark.usefixtures("_preferences_as_before")
def test_another_runs_folder_is_listed_and_remembered(
    qtbot, docked, press, write_run_folder, runs_folder, tmp_path, monkeypatch
):
    viewer, dock = docked
    write_run_folder("one", [], "stopped", 3)
    shutil.move(runs_folder / "one", tmp_path / "elsewhere" / "one")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "elsewhere"))
    press(dock.new.place.change)
    qtbot.waitUntil(lambda: dock.runs.table.rowCount() == 1, timeout=LONG_MS)
    viewer.window.remove_dock_widget(dock)
    _, again = viewer.window.add_plugin_dock_widget("napari-diffseg", "Train")
    assert again.new.place.folder == tmp_path / "elsewhere"
    again.shut_down()
    dock.deleteLater()


def test_use_in_segment_takes_the_segment_dock_that_is_open(
    qtbot, docked, press, write_run_folder, tiny_checkpoint_path
):
    viewer, dock = docked
    _, segment = viewer.window.add_plugin_dock_widget("napari-diffseg", "Segment")
    run = write_run_folder("one", [], "running", 3)
    shutil.copy(tiny_checkpoint_path, run / BEST)
    follow(qtbot, dock, run)
    press(dock.runs.view.use)
    qtbot.waitUntil(lambda: segment.model.chosen()[1].name == "tiny", timeout=LONG_MS)
    open_docks = viewer.window.dock_widgets.values()
    assert len([one for one in open_docks if isinstance(one, SegmentWidget)]) == 1
    listed = [segment.model.checkpoint.itemText(n) for n in range(segment.model.checkpoint.count())]
    assert listed.count("tiny") == 1
