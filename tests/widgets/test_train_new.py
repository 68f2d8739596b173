"""A new run in the Train dock: what is proposed, what stands in the way, and what is started."""

import json
import shutil
import subprocess
import sys
from threading import Event

import pytest
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_diffseg.errors import TrainingError
from napari_diffseg.methods.registry import method, methods
from napari_diffseg.training.config import read_run
from napari_diffseg.training.folder import RUN, make_run
from napari_diffseg.training.forecast import Forecast
from napari_diffseg.training.presets import new_run
from napari_diffseg.widgets.errand import give_up_all
from napari_diffseg.widgets.section import Section
from napari_diffseg.widgets.training.checking import check, forecast_in_words
from napari_diffseg.widgets.training.new_run import NewRun

OPENED = """
import sys
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_diffseg.widgets import TrainWidget
dock = TrainWidget(ViewerModel())
dock.show()
app.processEvents()
print("torch" in sys.modules, dock.new.choice.preset.currentText())
while dock.new.choice.preset.currentText() != "small":
    app.processEvents()
print("torch" in sys.modules)
dock.shut_down()
"""

TINY_STEPS = {"steps": 4, "batch": 1, "precision": "fp32"}


@pytest.fixture
def new(qtbot, viewer, runs_folder):
    """The part for a new run, once the methods are there."""
    new = NewRun(viewer, runs_folder)
    qtbot.addWidget(new)
    new.show()
    qtbot.waitUntil(new.choice.preset.isEnabled, timeout=60_000)
    yield new
    give_up_all(new)


@pytest.fixture
def with_data(qtbot, new, hippocampus):
    """The same with two real cases opened and looked through."""
    new.data.open(hippocampus)
    qtbot.waitUntil(lambda: new.data.dataset is not None, timeout=60_000)
    qtbot.waitUntil(lambda: not new.data.bar.isVisible(), timeout=60_000)
    return new


@pytest.fixture
def tiny(with_data):
    """The same with a network of a few thousand weights and four steps."""
    with_data.form.method.groups["unet"].rows["widths"].value = "4, 8"
    for name, value in TINY_STEPS.items():
        with_data.form.run.groups["train"].rows[name].value = value
    with_data.form.run.groups["validation"].rows["every"].value = 2
    return with_data


def choose(box, name):
    box.setCurrentIndex(max(box.findData(name), box.findText(name)))


def test_the_dock_opens_without_torch_which_comes_later():
    done = subprocess.run([sys.executable, "-c", OPENED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False loading…", "True"]


def test_without_data_nothing_can_be_started_and_it_says_why(new):
    assert new.obstacle.text() == "Choose a data set first."
    assert not new.start.isEnabled()
    assert not new.check.isEnabled()


def test_with_data_a_small_run_is_proposed_and_its_parts_are_told(with_data):
    assert with_data.choice.preset.currentText() == "small"
    assert with_data.name.text() == "hippocampus-imgx"
    assert with_data.expected.text() == "1 case to train on, 1 to validate."
    assert with_data.start.isEnabled()


@pytest.mark.parametrize("name", methods())
def test_every_preset_of_every_method_is_proposed_as_it_is(with_data, name):
    choose(with_data.choice.method, name)
    for preset, config in method(name).load().PRESETS.items():
        choose(with_data.choice.preset, preset)
        run, data = with_data.settings(), with_data.data.dataset
        assert method(name).load().Config.model_validate(run.config) == config
        assert run == new_run(run.name, method_name=name, preset=preset, dataset=data)


def test_start_writes_the_settings_of_the_form_and_gives_the_folder(tiny, press, runs_folder):
    made = []
    tiny.made.connect(made.append)
    tiny.form.run.groups["augmentation"].rows["flip"].value = "no, no, yes"
    press(tiny.start)
    assert made == [runs_folder / "hippocampus-imgx"]
    run = read_run(made[0] / RUN)
    assert run.config["unet"]["widths"] == [4, 8]
    assert (run.train.steps, run.train.batch, run.train.precision) == (4, 1, "fp32")
    assert run.validation.every == 2
    assert run.augmentation.flip == (False, False, True)
    assert tiny.name.text() == "hippocampus-imgx-2"


def test_a_name_that_a_run_has_is_refused_and_a_free_one_taken(with_data, runs_folder):
    make_run(runs_folder / "mine", with_data.settings())
    with_data.name.setFocus()
    with_data.name.clear()
    for text, can_start in (("mine", False), ("my own/run", True), ("  ", False)):
        with_data.name.setText(text)
        with_data.name.textEdited.emit(text)
        assert with_data.start.isEnabled() == can_start
    assert with_data.obstacle.text() == "Give the run a name."


def test_a_setting_out_of_range_stands_above_the_button_until_it_is_corrected(with_data):
    rate = with_data.form.run.groups["train"].rows["learning_rate"]
    rate.value = "fast"
    assert with_data.obstacle.text().startswith("Learning rate cannot be “fast”")
    assert not with_data.start.isEnabled()
    rate.value = "3e-4"
    assert with_data.settings().train.learning_rate == 3e-4
    assert with_data.start.isEnabled()


def test_a_split_file_that_is_chosen_parts_the_cases(with_data, tmp_path, monkeypatch):
    data, mine = with_data.form.run.groups["data"], tmp_path / "mine.json"
    names = [case.name for case in with_data.data.dataset.cases]
    parts = {"train": names, "validation": [], "test": [], "rule": "by hand"}
    mine.write_text(json.dumps(parts), encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(mine), ""))
    for section in with_data.form.findChildren(Section):
        section.expand(animate=False)
    row = data.rows["split"].native
    assert row.toolTip().startswith("A split.json whose parts are taken as they are")
    row.parentWidget().findChild(QPushButton).click()
    assert with_data.expected.text() == "2 cases to train on, 0 to validate."
    assert with_data.settings().data.split == mine
    mine.unlink()
    with_data.name.textEdited.emit("")
    assert with_data.obstacle.text().startswith(f"{mine} cannot be read")
    assert not with_data.start.isEnabled()
    data.rows["split"].value = ""
    assert with_data.settings().data.split is None
    assert with_data.expected.text() == "1 case to train on, 1 to validate."


def test_images_get_a_network_for_slices(qtbot, new, hippocampus):
    choose(new.choice.method, "ambiguous")
    new.data.open(hippocampus.parent / "lidc" / "hdf5" / "data_lidc.hdf5")
    qtbot.waitUntil(lambda: new.form is not None, timeout=60_000)
    assert new.settings().config["unet"]["dimensions"] == 2
    assert new.expected.text() == "4 cases to train on, 2 to validate, 2 are left for testing."


def test_check_tells_time_and_memory_and_leaves_nothing(qtbot, tiny, press, runs_folder):
    press(tiny.check)
    assert tiny.check.text() == "Stop checking"
    qtbot.waitUntil(lambda: "s a step" in tiny.expected.text(), timeout=110_000)
    assert tiny.expected.text().startswith("On CPU about ")
    assert list(runs_folder.iterdir()) == []
    qtbot.waitUntil(lambda: tiny.check.text() == "Check time and memory", timeout=20_000)


def test_a_check_can_be_stopped_and_a_change_stops_it_too(qtbot, tiny, press):
    press(tiny.check)
    press(tiny.check)
    assert tiny.check.text() == "Check time and memory"
    assert tiny.expected.text() == "1 case to train on, 1 to validate."
    press(tiny.check)
    tiny.form.run.groups["train"].rows["steps"].value = 9
    assert tiny.check.text() == "Check time and memory"


def test_a_check_of_a_run_that_would_fail_says_why(tiny, tmp_path):
    config = tiny.settings()
    gone = config.model_copy(update={"data": config.data.model_copy(update={"path": tmp_path / "gone"})})
    with pytest.raises(TrainingError, match="gone"):
        list(check(gone, Event()))


def test_a_bad_case_that_is_left_out_does_not_stop_the_check(tiny, tmp_path):
    config = tiny.settings()
    data = shutil.copytree(config.data.path, tmp_path / "cases")
    for kind in ("images", "labels"):
        shutil.copy(next((data / kind).iterdir()), data / kind / "another.nii.gz")
    parts = {"train": ["another", "hippocampus_017"], "validation": [], "test": [], "rule": "by hand"}
    (data / "mine.json").write_text(json.dumps(parts), encoding="utf-8")
    (data / "images" / "another.nii.gz").write_bytes(b"nothing")
    changes = {"path": data, "split": data / "mine.json"}
    bad = config.model_copy(update={"data": config.data.model_copy(update=changes)})
    with pytest.raises(TrainingError, match="another"):
        list(check(bad, Event()))
    agreed = bad.data.model_copy(update={"skip_bad": True})
    (found,) = check(bad.model_copy(update={"data": agreed}), Event())
    assert (found.device, found.parameters > 1000) == ("cpu", True)


def test_a_forecast_is_a_sentence():
    found = Forecast(seconds_a_step=0.5, memory_bytes=3_100_000_000, parameters=6_890_000, device="cuda:0")
    assert forecast_in_words(found, 3000) == (
        "On CUDA:0 about 25 min at 0.5 s a step, validations on top; 3.1 GB of memory, 6.9 million "
        "parameters."
    )
