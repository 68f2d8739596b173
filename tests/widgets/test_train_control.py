"""Does diffusion help here? Asked for, watched, stopped, resumed and answered in the Train dock."""

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication

from napari_diffseg.methods.registry import methods
from napari_diffseg.training.comparison import read_comparison
from napari_diffseg.training.config import read_run, write_run
from napari_diffseg.training.control import ask
from napari_diffseg.training.events import Prepared, Started
from napari_diffseg.training.folder import RUN, runs_in
from napari_diffseg.training.status import ALIVE, read_status
from napari_diffseg.training.without_diffusion import WITHOUT_DIFFUSION
from napari_diffseg.widgets.training.train import TrainWidget

SHORT_MS, LONG_MS = 60_000, 110_000
GONE = {"began": 0.0}
"""Of a process that is no more."""


@pytest.fixture
def dock(qtbot, runs_folder):
    """The dock; what goes on in the end is asked to stop."""
    dock = TrainWidget(ViewerModel())
    qtbot.addWidget(dock)
    dock.resize(400, 760)
    dock.show()
    yield dock
    for run in runs_in(runs_folder):
        if standing(run) in ALIVE or standing(run / WITHOUT_DIFFUSION) in ALIVE:
            ask(run, "stop")
    dock.shut_down()


@pytest.fixture
def follow(qtbot, dock):
    """Show a run that is there, as the table does."""

    def choose(run):
        dock.tabs.setCurrentWidget(dock.runs)
        qtbot.waitUntil(lambda: run in dock.runs.table.folders(), timeout=SHORT_MS)
        dock.runs.table.choose(run)
        qtbot.waitUntil(dock.runs.view.isVisible, timeout=SHORT_MS)
        return dock.runs.view

    return choose


def standing(run):
    status = read_status(run)
    return status.state if status else None


def plain(label):
    """What it says, wherever its lines may break."""
    return label.text().replace("\N{NO-BREAK SPACE}", " ")


def buttons(view):
    return {name for name in ("pause", "stop", "finish_epoch") if getattr(view, name).isEnabled()}


@pytest.mark.parametrize(
    ("control", "process", "said", "pressable", "state"),
    [
        (None, {}, "Without it:\nPreparing…", {"stop", "pause"}, "comparing\n3000 of 3000"),
        (None, GONE, "Without it:\nNot begun. Resume begins it.", {"pause"}, "stopped\n3000 of 3000"),
        (
            "preparing",
            {},
            "Without it:\nPreparing cases: 3 of 12…",
            {"stop", "pause"},
            "comparing\n12 of 3000",
        ),
        (
            "running",
            {"seconds_left": 90.0},
            "Trained with diffusion. Without it:\nRunning on CUDA:0 · step 12 of 3000 · about 2 min left",
            {"stop", "pause", "finish_epoch"},
            "comparing\n12 of 3000",
        ),
        ("paused", {}, "Without it:\nPaused after step 12.", {"stop", "pause"}, "comparing\n12 of 3000"),
        ("stopped", GONE, "Without it:\nStopped after step 12. Resume goes on", {"pause"}, "stopped\n12 of"),
        ("stopped", {}, "Without it:\nPreparing…", {"stop", "pause"}, "comparing\n12 of 3000"),
        ("running", GONE, "Without it:\nBroken off after step 12", {"pause"}, "broken off\n12 of 3000"),
        ("finished", {}, "Segmenting the validation part with both…", {"stop"}, "comparing\n12 of 3000"),
        ("finished", GONE, "Trained, and not compared yet.", {"pause"}, "stopped\n12 of 3000"),
    ],
)
def test_what_follows_a_run_is_told_and_can_be_stopped(
    dock, follow, write_run_folder, control, process, said, pressable, state
):
    began = {"began": process["began"]} if "began" in process else {}
    run = write_run_folder("one", [], "finished", 3000, with_control=True, **began)
    events = {"preparing": [Prepared(done=3, cases=12)]}.get(
        control, [Started(step=0, steps=3000, device="cuda:0", parameters=25_971)]
    )
    if control is not None:
        write_run_folder(f"one/{WITHOUT_DIFFUSION}", events, control, 12, **process)
    view = follow(run)
    assert said in plain(view.state)
    assert buttons(view) == pressable
    assert view.pause.text() == (
        "Pause" if {"stop", "pause"} <= pressable and control != "paused" else "Resume"
    )
    assert dock.runs.table.item(0, 2).text().startswith(state)
    assert view.comparison.isHidden()


def test_a_finished_comparison_is_the_runs_last_page(follow, write_run_folder, write_comparison):
    run = write_run_folder("one", [], "finished", 3000, with_control=True, **GONE)
    write_run_folder(f"one/{WITHOUT_DIFFUSION}", [], "finished", 3000, **GONE)
    found = write_comparison(run)
    view = follow(run)
    assert view.state.text() == "Finished, with diffusion and without."
    shown = (view.comparison.verdict, view.comparison.numbers, view.comparison.note)
    assert [plain(label) for label in shown] == [found.verdict, found.sentence, found.note]
    assert all(label.isVisible() for label in shown)
    assert buttons(view) == set()


def test_the_answer_of_another_run_does_not_stay(follow, write_run_folder, write_comparison):
    run, other = (write_run_folder(name, [], "finished", 3000, with_control=True, **GONE) for name in "ab")
    write_run_folder(f"a/{WITHOUT_DIFFUSION}", [], "finished", 3000, **GONE)
    write_comparison(run)
    assert follow(run).comparison.isVisible()
    view = follow(other)
    assert "Not begun" in view.state.text()
    assert view.comparison.isHidden()


def test_the_answer_of_fewer_steps_is_none_of_a_prolonged_run(follow, write_run_folder, write_comparison):
    run = write_run_folder("one", [], "finished", 4000, with_control=True, **GONE)
    write_run_folder(f"one/{WITHOUT_DIFFUSION}", [], "finished", 3000, **GONE)
    write_comparison(run)
    config = read_run(run / RUN)
    longer = config.train.model_copy(update={"steps": 4000})
    write_run(config.model_copy(update={"train": longer}), run / RUN)
    view = follow(run)
    assert "not compared yet. Resume goes on" in view.state.text()
    assert view.comparison.isHidden()


def test_a_damaged_answer_reads_as_not_compared_yet(follow, write_run_folder, write_comparison):
    run = write_run_folder("one", [], "finished", 3000, with_control=True, **GONE)
    write_run_folder(f"one/{WITHOUT_DIFFUSION}", [], "finished", 3000, **GONE)
    write_comparison(run)
    path = run / "comparison.json"
    path.write_bytes(path.read_bytes()[:-20])
    assert "not compared yet" in follow(run).state.text()


@pytest.fixture
def new(qtbot, dock, hippocampus):
    """The part for a new run, with crops of six patients of whom two are for validation."""
    new = dock.new
    qtbot.waitUntil(new.choice.preset.isEnabled, timeout=LONG_MS)
    new.data.open(hippocampus.parent / "lidc" / "hdf5" / "data_lidc.hdf5")
    qtbot.waitUntil(lambda: new.form is not None and not new.data.bar.isVisible(), timeout=LONG_MS)
    return new


def test_it_is_offered_where_the_method_has_such_a_network(new):
    for entry in methods().values():
        new.choice.method.setCurrentIndex(new.choice.method.findData(entry.name))
        QApplication.processEvents()
        assert new.form.run.rows["with_control"].native.isVisibleTo(new) == bool(entry.control)
        assert not new.settings().with_control


def test_its_cost_stands_below_and_follows_the_settings(new):
    new.form.run.groups["train"].rows["steps"].value = 700
    assert new.form.cost.text() == (
        "Takes 700 steps more, then segments 2 cases both ways; with diffusion 2 members each."
    )
    new.form.run.groups["validation"].rows["steps"].value = "5"
    assert new.form.cost.text().endswith("with diffusion 2 members of 5 steps each.")


def test_too_few_patients_to_compare_are_told_before_the_run(qtbot, new, hippocampus):
    new.data.open(hippocampus)
    qtbot.waitUntil(lambda: new.start.isEnabled() and not new.data.bar.isVisible(), timeout=LONG_MS)
    new.form.run.rows["with_control"].value = True
    assert new.obstacle.text().startswith("The validation part has cases of 1 patient, and a comparison")
    assert not new.start.isEnabled()
    new.form.run.rows["with_control"].value = False
    assert new.start.isEnabled()


def test_a_run_is_followed_by_its_control_which_stops_and_resumes_to_an_answer(qtbot, dock, new, press):
    fill(new.form.method.groups["unet"], widths="4, 8")
    fill(new.form.run.groups["train"], steps=60, batch=1, precision="fp32", warmup_steps=1)
    fill(new.form.run.groups["validation"], every=60, steps="1", members=1, cases="1")
    new.form.run.rows["with_control"].value = True
    press(new.start)
    run, view = dock.runs.watch.chosen, dock.runs.view
    assert read_run(run / RUN).with_control
    qtbot.waitUntil(lambda: "Without it:" in view.state.text() and view.stop.isEnabled(), timeout=LONG_MS)
    press(view.stop)
    qtbot.waitUntil(lambda: "Resume" in view.state.text(), timeout=LONG_MS)
    assert standing(run) == "finished"
    assert standing(run / WITHOUT_DIFFUSION) == "stopped"
    press(view.pause)
    qtbot.waitUntil(view.comparison.isVisible, timeout=LONG_MS)
    found = read_comparison(run, read_run(run / RUN))
    assert plain(view.comparison.numbers) == found.sentence
    assert "95 % interval" in found.sentence
    assert view.comparison.verdict.text() == found.verdict
    assert view.use.isEnabled()


def fill(form, **values):
    for name, value in values.items():
        form.rows[name].value = value
