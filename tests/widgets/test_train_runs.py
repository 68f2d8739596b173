"""The runs part of the Train dock: table, curves, log, requests; on files as a run's process writes them."""

import json
import shutil
import time
from threading import Event

import pytest
from qtpy.QtCore import Qt

import napari_diffseg as nd
from napari_diffseg.checkpoints.catalogue import catalogue, user_folder
from napari_diffseg.checkpoints.checkpoint import save_checkpoint
from napari_diffseg.training.events import Prepared, Started, Warned
from napari_diffseg.training.folder import BEST, LOG
from napari_diffseg.widgets.training.adopt import adopt
from napari_diffseg.widgets.training.runs import Runs

UNBROKEN = "\N{NO-BREAK SPACE}"


def started(step=0):
    return Started(step=step, steps=3000, device="cuda:0", parameters=25_971)


@pytest.fixture
def make_runs(qtbot, viewer, runs_folder):
    """The runs part as it opens now; no thread is left in the end."""
    made = []

    def make():
        runs = Runs(viewer, runs_folder)
        qtbot.addWidget(runs)
        runs.resize(400, 700)
        runs.show()
        made.append(runs)
        qtbot.waitUntil(lambda: runs._looked, timeout=20_000)
        return runs

    yield make
    for runs in made:
        runs.close_down()


@pytest.fixture
def choose(qtbot):
    """Click a run's row and wait until it is shown."""

    def click(runs, name):
        (row,) = (row for row in range(runs.table.rowCount()) if cells(runs, row)[0].startswith(f"{name}\n"))
        place = runs.table.visualItemRect(runs.table.item(row, 0)).center()
        qtbot.mouseClick(runs.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        qtbot.waitUntil(lambda: shown(runs) == name, timeout=20_000)

    return click


def cells(runs, row):
    return [runs.table.item(row, column).text() for column in range(4)]


def shown(runs):
    return runs.view.run.summary.config.name if runs.view.run else None


def drawn(runs):
    """How many steps the plot shows."""
    steps = runs.view.curves._raw.xData
    return 0 if steps is None else len(steps)


def asked(run):
    return [json.loads(path.read_text())["request"] for path in (run / "control").glob("*.json")]


def test_without_runs_it_says_where_it_looked(make_runs, runs_folder):
    runs = make_runs()
    assert runs.nothing.text() == f"There are no runs in {runs_folder} yet."
    assert runs.view.isHidden()


def test_the_table_compares_runs(make_runs, write_run_folder, steps_of):
    write_run_folder("old", [started(), *steps_of(1, 100)], "finished", 3000)
    write_run_folder("new", [], None)
    runs = make_runs()
    rows = {cells(runs, row)[0]: cells(runs, row)[1:] for row in range(runs.table.rowCount())}
    data, state, best = rows["old\nImgX-DiffSeg"]
    assert data.startswith("hippocampus\n")
    assert state == "finished\n3000 of 3000"
    assert best == "Dice 0.510\nstep 100"
    assert rows["new\nImgX-DiffSeg"][1:] == ["not started\n", ""]


def test_a_click_on_a_heading_sorts_by_the_best_value(make_runs, write_run_folder, steps_of):
    for name, dice in (("low", 0.1), ("high", 0.9), ("none", None)):
        write_run_folder(name, steps_of(1, 100, dice=dice) if dice else [], "stopped", 100)
    runs = make_runs()
    runs.table.sortItems(3, Qt.SortOrder.DescendingOrder)
    assert [cells(runs, row)[0].split("\n")[0] for row in range(3)] == ["high", "low", "none"]


def test_a_run_that_goes_on_is_followed_when_the_dock_opens(qtbot, make_runs, write_run_folder, steps_of):
    write_run_folder("over", [started(), *steps_of(1, 100)], "finished", 3000)
    takes = {"seconds_left": 90.0, "memory_bytes": 10**9}
    write_run_folder("alive", [started(), *steps_of(1, 250)], "running", 250, **takes)
    runs = make_runs()
    qtbot.waitUntil(lambda: shown(runs) == "alive", timeout=20_000)
    assert runs.view.state.text().replace(UNBROKEN, " ") == (
        "Running on CUDA:0 · step 250 of 3000 · 0.1 s a step · about 2 min left · 1.0 GB of GPU memory"
    )
    assert (runs.view.bar.value(), runs.view.bar.maximum()) == (250, 3000)
    assert runs.table.current().name == "alive"


def test_curves_grow_while_the_run_goes_on(qtbot, make_runs, write_run_folder, steps_of):
    write_run_folder("alive", [started(), *steps_of(1, 150)], "running", 150)
    runs = make_runs()
    qtbot.waitUntil(lambda: shown(runs) == "alive", timeout=20_000)
    qtbot.waitUntil(lambda: drawn(runs) == 150, timeout=20_000)
    write_run_folder("alive", steps_of(151, 200), "running", 200)
    qtbot.waitUntil(lambda: drawn(runs) == 200, timeout=20_000)
    curves = runs.view.curves
    assert curves.loss.getAxis("left").logMode
    assert curves.shown.currentText() == "Dice"
    assert curves._metrics.xData.tolist() == [100, 200]
    assert curves._best.xData.tolist() == [200]
    curves.shown.setCurrentIndex(1)
    assert curves.shown.currentText() == "HD95 (mm)"
    assert curves._metrics.xData is None or not len(curves._metrics.xData)


def test_a_loss_that_is_not_above_zero_is_drawn_on_a_plain_axis(qtbot, make_runs, write_run_folder, steps_of):
    negative = [step.model_copy(update={"loss": -1.0}) for step in steps_of(1, 20)]
    write_run_folder("alive", [started(), *negative], "running", 20)
    runs = make_runs()
    qtbot.waitUntil(lambda: drawn(runs) == 20, timeout=20_000)
    assert not runs.view.curves.loss.getAxis("left").logMode


def test_preparing_tells_how_many_cases_are_done(qtbot, make_runs, write_run_folder):
    write_run_folder("alive", [Prepared(done=3, cases=12)], "preparing")
    runs = make_runs()
    qtbot.waitUntil(lambda: runs.view.state.text() == "Preparing cases: 3 of 12…", timeout=20_000)
    assert (runs.view.bar.value(), runs.view.bar.maximum()) == (3, 12)


def test_the_log_and_the_newest_warning_are_shown(qtbot, make_runs, write_run_folder):
    warned = Warned(sentence="Case 3 was left out.")
    run = write_run_folder("alive", [started(), warned], "running", 1)
    (run / LOG).write_text(f"2026 {warned.model_dump_json()}\nand <b>more</b>", encoding="utf-8")
    runs = make_runs()
    qtbot.waitUntil(lambda: "and <b>more</b>" in runs.view.log.toPlainText(), timeout=20_000)
    assert runs.view.warning.text() == "Case 3 was left out."


@pytest.mark.parametrize(
    ("state", "buttons", "pause"),
    [
        ("running", {"pause", "stop", "finish_epoch"}, "Pause"),
        ("paused", {"pause", "stop"}, "Resume"),
        ("stopped", {"pause"}, "Resume"),
        ("failed", {"pause"}, "Resume"),
        ("finished", set(), "Resume"),
    ],
)
def test_only_buttons_that_make_sense_can_be_pressed(
    make_runs, choose, write_run_folder, state, buttons, pause
):
    write_run_folder("one", [started()], state, 100, sentence="The disk is full. Free some space.")
    runs = make_runs()
    choose(runs, "one")
    view = runs.view
    can = {name for name in ("pause", "stop", "finish_epoch", "use") if getattr(view, name).isEnabled()}
    assert can == buttons
    assert view.pause.text() == pause
    assert (view.state.text() == "The disk is full. Free some space.") == (state == "failed")


@pytest.mark.parametrize(
    ("button", "state", "request_made"),
    [
        ("pause", "running", "pause"),
        ("pause", "paused", "resume"),
        ("stop", "running", "stop"),
        ("finish_epoch", "running", "finish-epoch"),
    ],
)
def test_a_button_leaves_a_request_in_the_run_folder(
    make_runs, choose, press, write_run_folder, button, state, request_made
):
    run = write_run_folder("one", [started()], state, 100)
    runs = make_runs()
    choose(runs, "one")
    press(getattr(runs.view, button))
    assert asked(run) == [request_made]
    assert runs.message.text().startswith("Asked to")


def test_a_run_whose_process_died_is_told_as_broken_off(make_runs, choose, write_run_folder):
    write_run_folder("dead", [started()], "running", 70, began=time.time() - 10_000)
    runs = make_runs()
    choose(runs, "dead")
    assert runs.view.state.text().startswith("Broken off after step 70")
    assert runs.view.pause.text() == "Resume"
    assert "broken off" in cells(runs, 0)[2]


def test_a_run_file_that_cannot_be_read_is_a_sentence_and_hides_no_other(
    qtbot, make_runs, runs_folder, write_run_folder
):
    write_run_folder("good", [], "finished", 3000)
    (runs_folder / "bad").mkdir()
    (runs_folder / "bad" / "run.toml").write_text("steps = ", encoding="utf-8")
    runs = make_runs()
    qtbot.waitUntil(lambda: "bad: run.toml is not TOML" in runs.message.text(), timeout=20_000)
    assert runs.table.rowCount() == 1


def test_a_run_folder_that_is_deleted_leaves_the_table(qtbot, make_runs, choose, write_run_folder):
    run = write_run_folder("one", [], "finished", 3000)
    runs = make_runs()
    choose(runs, "one")
    shutil.rmtree(run)
    qtbot.waitUntil(lambda: runs.table.rowCount() == 0, timeout=20_000)
    assert runs.view.isHidden()


def test_preview_layers_come_with_the_run_and_go_with_it(
    qtbot, make_runs, choose, write_run_folder, write_preview, steps_of, viewer
):
    run = write_run_folder("one", [started(), *steps_of(1, 100)], "stopped", 100)
    write_run_folder("two", [started()], "stopped", 3)
    write_preview(run, 100)
    runs = make_runs()
    choose(runs, "one")
    qtbot.waitUntil(lambda: len(viewer.layers) == 5, timeout=20_000)
    first = list(viewer.layers)
    write_preview(run, 200, certainty=0.9)
    write_run_folder("one", steps_of(101, 200), "stopped", 200)
    qtbot.waitUntil(lambda: viewer.layers[2].data.max() > 0.8, timeout=20_000)
    assert list(viewer.layers) == first
    runs.view.shown_class.setCurrentIndex(1)
    assert "posterior" in viewer.layers[2].name
    runs.view.preview.setChecked(False)
    assert len(viewer.layers) == 1
    runs.view.preview.setChecked(True)
    assert len(viewer.layers) == 5
    choose(runs, "two")
    assert len(viewer.layers) == 1


def test_the_best_checkpoint_becomes_a_model_of_ones_own_once(
    qtbot, make_runs, choose, press, write_run_folder, tiny_checkpoint_path
):
    run = write_run_folder("one", [started()], "stopped", 100)
    shutil.copy(tiny_checkpoint_path, run / BEST)
    runs = make_runs()
    choose(runs, "one")
    for _ in range(2):
        runs.message.say("")
        qtbot.waitUntil(runs.view.use.isEnabled, timeout=20_000)
        press(runs.view.use)
        qtbot.waitUntil(lambda: "is among your models" in runs.message.text(), timeout=60_000)
    assert [path.name for path in user_folder().iterdir()] == ["tiny.safetensors"]
    shutil.copy(user_folder() / "tiny.safetensors", user_folder() / "other.safetensors")
    assert "tiny" in [entry.name for entry in catalogue()]


@pytest.mark.usefixtures("runs_folder")
def test_a_run_named_as_a_bundled_model_becomes_a_model_of_another_name(tiny_checkpoint_path, tmp_path):
    loaded = nd.load_checkpoint(tiny_checkpoint_path)
    best = tmp_path / BEST
    save_checkpoint(best, loaded.document.model_copy(update={"name": "hippocampus-imgx"}), loaded.weights)
    (copy,) = adopt(best, Event())
    assert copy == user_folder() / "hippocampus-imgx-2.safetensors"
    assert nd.load_checkpoint(copy).document.name == "hippocampus-imgx-2"
    assert [*adopt(best, Event())] == [copy]


def test_a_damaged_checkpoint_is_a_sentence(qtbot, make_runs, choose, press, write_run_folder):
    run = write_run_folder("one", [started()], "stopped", 100)
    (run / BEST).write_bytes(b"nothing")
    runs = make_runs()
    choose(runs, "one")
    press(runs.view.use)
    qtbot.waitUntil(lambda: "best.safetensors" in runs.message.text(), timeout=60_000)
