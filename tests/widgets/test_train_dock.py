"""The Train dock in a real window with real processes: from data to a model that segments."""

import os
import signal
import time

import psutil
import pytest

from napari_diffseg.training.control import ask
from napari_diffseg.training.folder import read_summary, runs_in
from napari_diffseg.training.status import ALIVE, read_status
from napari_diffseg.widgets.segment.segment import SegmentWidget
from napari_diffseg.widgets.training import launched

SHORT_MS, LONG_MS = 20_000, 110_000
TINY = {
    "imgx": {"widths": "4, 8"},
    "ambiguous": {
        "width": "16",
        "multipliers": "1, 2",
        "blocks": "1",
        "attention_at": "",
        "middle_blocks": 1,
    },
}


@pytest.fixture
def dock(make_napari_viewer, runs_folder):
    """The dock in a window; processes that a test left behind are ended with it."""
    viewer = make_napari_viewer()
    _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Train")
    yield dock
    dock.shut_down()
    for run in runs_in(runs_folder):
        end(run)


@pytest.fixture
def viewer_of():
    return lambda dock: dock._viewer


@pytest.fixture
def begin(qtbot, press):
    """Open data, choose a method at tiny size, and press Start, as a person does; gives the run's folder."""

    def start(dock, data, method, *, steps=2000, every=3):
        new = dock.new
        qtbot.waitUntil(new.choice.preset.isEnabled, timeout=LONG_MS)
        new.data.open(data)
        new.choice.method.setCurrentIndex(new.choice.method.findData(method))
        qtbot.waitUntil(lambda: new.form is not None, timeout=SHORT_MS)
        for name, value in TINY[method].items():
            new.form.method.groups["unet"].rows[name].value = value
        train = new.form.run.groups["train"].rows
        for name, value in {"steps": steps, "batch": 1, "precision": "fp32", "warmup_steps": 1}.items():
            train[name].value = value
        validation = new.form.run.groups["validation"].rows
        for name, value in {"every": every, "steps": "2", "cases": "1"}.items():
            validation[name].value = value
        qtbot.waitUntil(new.start.isEnabled, timeout=SHORT_MS)
        press(new.start)
        assert dock.tabs.currentWidget() is dock.runs
        return dock.runs.watch.chosen

    return start


def end(run):
    status = read_status(run)
    if status is not None and status.state in ALIVE:
        os.kill(status.pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(status.pid)], timeout=5)


def state(run):
    status = read_status(run)
    return status.state if status else None


def steps_drawn(dock):
    steps = dock.runs.view.curves._raw.xData
    return 0 if steps is None else len(steps)


def segment_dock(viewer):
    (found,) = [dock for dock in viewer.window.dock_widgets.values() if isinstance(dock, SegmentWidget)]
    return found


def train_and_segment(qtbot, press, dock, viewer, run, *, model):
    """From a started run to a result of the model that it becomes, on the preview's image."""
    view = dock.runs.view
    qtbot.waitUntil(lambda: steps_drawn(dock) > 3, timeout=LONG_MS)
    before = steps_drawn(dock)
    qtbot.waitUntil(lambda: steps_drawn(dock) > before and len(viewer.layers) == 4, timeout=LONG_MS)
    assert [layer.name.split(" ")[0] for layer in viewer.layers] == ["image", "mean", "variance", "truth"]
    press(view.stop)
    qtbot.waitUntil(lambda: state(run) == "stopped", timeout=LONG_MS)
    qtbot.waitUntil(view.use.isEnabled, timeout=SHORT_MS)
    press(view.use)
    qtbot.waitUntil(lambda: "is chosen in Segment" in dock.runs.message.text(), timeout=LONG_MS)
    segment = segment_dock(viewer)
    assert segment.model.chosen()[1].name == model
    segment.form.rows["members"].value = 2
    segment.form.rows["steps"].value = "2"
    qtbot.waitUntil(segment.start.isEnabled, timeout=LONG_MS)
    press(segment.start)
    qtbot.waitUntil(
        lambda: segment.engine.job is None and segment.outcome.result is not None, timeout=LONG_MS
    )
    return segment.outcome.result


def test_a_hippocampus_run_is_watched_stopped_and_segmented_with(
    qtbot, press, dock, begin, viewer_of, hippocampus
):
    viewer = viewer_of(dock)
    run = begin(dock, hippocampus, "imgx")
    model = f"{run.name}-2"  # without a number it is a bundled model's name
    result = train_and_segment(qtbot, press, dock, viewer, run, model=model)
    image = next(layer for layer in viewer.layers if layer.name.startswith("image"))
    assert result.consensus.shape == image.data.shape
    assert len(result.members) == 2
    assert [info.name for info in result.classes] == ["class 1", "class 2"]
    assert read_summary(run).best is not None


def test_an_lidc_run_in_2d_is_watched_stopped_and_segmented_with(
    qtbot, press, dock, begin, viewer_of, hippocampus
):
    viewer = viewer_of(dock)
    run = begin(dock, hippocampus.parent / "lidc" / "hdf5" / "data_lidc.hdf5", "ambiguous")
    result = train_and_segment(qtbot, press, dock, viewer, run, model=run.name)
    assert result.consensus.shape == (1, 128, 128)
    assert read_summary(run).best.selected_by.startswith("lowest mean GED")


def test_a_run_outlives_the_dock_and_is_found_again(qtbot, dock, begin, viewer_of, press, hippocampus):
    viewer, runs = viewer_of(dock), []
    runs.append(begin(dock, hippocampus, "imgx"))
    qtbot.waitUntil(lambda: steps_drawn(dock) > 1, timeout=LONG_MS)
    viewer.window.remove_dock_widget(dock)
    assert state(runs[0]) == "running"
    _, again = viewer.window.add_plugin_dock_widget("napari-diffseg", "Train")
    qtbot.waitUntil(lambda: again.runs.view.run is not None, timeout=SHORT_MS)
    assert again.runs.view.run.summary.folder == runs[0]
    qtbot.waitUntil(lambda: steps_drawn(again) > 1, timeout=SHORT_MS)
    press(again.runs.view.pause)
    qtbot.waitUntil(lambda: again.runs.view.state.text().startswith("Paused"), timeout=LONG_MS)
    press(again.runs.view.pause)
    qtbot.waitUntil(lambda: again.runs.view.state.text().startswith("Running"), timeout=LONG_MS)
    again.shut_down()
    dock.deleteLater()


def test_a_killed_run_is_told_and_goes_on_when_resumed(qtbot, dock, begin, press, hippocampus):
    run = begin(dock, hippocampus, "imgx")
    qtbot.waitUntil(lambda: steps_drawn(dock) > 1, timeout=LONG_MS)
    end(run)
    view = dock.runs.view
    qtbot.waitUntil(lambda: view.state.text().startswith("Broken off"), timeout=SHORT_MS)
    press(view.pause)
    assert not view.pause.isEnabled() or view.pause.text() == "Resume"
    qtbot.waitUntil(lambda: view.state.text().startswith("Running"), timeout=LONG_MS)
    ask(run, "stop")
    qtbot.waitUntil(lambda: state(run) == "stopped", timeout=LONG_MS)


@pytest.mark.parametrize(("keep", "ends_as"), [(True, "running"), (False, "stopped")])
def test_closing_the_window_asks_once_whether_the_run_goes_on(
    qtbot, dock, begin, viewer_of, hippocampus, monkeypatch, keep, ends_as
):
    asked = []
    monkeypatch.setattr(launched, "keep_running", lambda window, runs: asked.extend(runs) or keep)
    run = begin(dock, hippocampus, "imgx")
    qtbot.waitUntil(lambda: state(run) == "running", timeout=LONG_MS)
    viewer_of(dock).close()
    assert asked == [run]
    time.sleep(1)
    qtbot.waitUntil(lambda: state(run) == ends_as, timeout=LONG_MS)


def test_a_run_that_cannot_begin_is_a_sentence(qtbot, dock, begin, hippocampus, monkeypatch):
    run = begin(dock, hippocampus, "imgx", steps=1, every=1)
    view = dock.runs.view
    (run / "split.json").write_text("nothing", encoding="utf-8")
    qtbot.waitUntil(lambda: "split.json" in view.state.text(), timeout=LONG_MS)
    assert "failed" in dock.runs.table.item(0, 2).text()
