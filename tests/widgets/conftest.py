from pathlib import Path

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_diffseg.io import read_volume
from napari_diffseg.layers import scan_layers


@pytest.fixture(autouse=True)
def _runs_end_with_their_window(monkeypatch):
    """A question that nobody answers would keep a window open, and the tests after it waiting, for ever."""
    from napari_diffseg.widgets.training import launched

    monkeypatch.setattr(launched, "keep_running", lambda *_: False)


@pytest.fixture
def viewer(crop_path):
    """A viewer without a window that shows a real head MR crop."""
    viewer = ViewerModel()
    add_scan(viewer, crop_path)
    return viewer


@pytest.fixture
def make_dock(qtbot, viewer, tiny_checkpoint_path):
    """Segment docks on the viewer, with the tiny model chosen; shut down in the end."""
    from napari_diffseg.widgets import SegmentWidget

    docks = []

    def make(viewer=viewer):
        dock = SegmentWidget(viewer)
        qtbot.addWidget(dock)
        docks.append(dock)
        viewer.layers.events.inserted.connect(dock.reset_choices)
        viewer.layers.events.removed.connect(dock.reset_choices)
        dock.model.take(tiny_checkpoint_path)
        dock.form.rows["members"].value = 3
        dock.form.rows["device"].value = "cpu"
        return dock

    yield make
    for dock in docks:
        dock.shut_down()


@pytest.fixture
def dock(make_dock):
    return make_dock()


@pytest.fixture
def press(qtbot):
    """Click a button as a person does."""
    return lambda button: qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def finished(qtbot):
    """Wait until a dock's run is over."""

    def wait(dock):
        qtbot.waitUntil(lambda: dock.engine.job is None, timeout=60_000)
        QApplication.processEvents()

    return wait


def add_scan(viewer, path):
    ((data, look, _),) = scan_layers(read_volume(path, channel="t1"))
    return viewer.add_image(data, **look)


@pytest.fixture
def hippocampus():
    """Two real cases of two patients: images/ and labels/."""
    return Path(__file__).parents[1] / "data" / "hippocampus"


@pytest.fixture
def runs_folder(tmp_path, monkeypatch):
    """Where the docks of a test keep runs; empty."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "data" / "napari-diffseg" / "runs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def write_run_folder(runs_folder, hippocampus):
    """Run folders as a run's process writes them, that process being this one."""
    from napari_diffseg.datasets.opening import open_dataset
    from napari_diffseg.training.events import EventLog
    from napari_diffseg.training.folder import RUN, make_run
    from napari_diffseg.training.presets import new_run
    from napari_diffseg.training.status import Status, write_status

    dataset = open_dataset(hippocampus)

    def write(name, events=(), state=None, step=0, *, with_control=False, **status):
        folder = runs_folder / name
        if not (folder / RUN).exists():
            config = new_run(name, method_name="imgx", preset="small", dataset=dataset)
            make_run(folder, config.model_copy(update={"with_control": with_control}))
        log = EventLog(folder)
        for event in events:
            log.say(event)
        log.close()
        if state is not None:
            write_status(folder, Status(state=state, step=step, steps=3000, **status))
        return folder

    return write


@pytest.fixture
def steps_of():
    """Steps with a loss that falls, and a validation every 100 of them."""
    from napari_diffseg.training.events import Stepped, Validated

    def make(first, last, dice=0.5):
        for step in range(first, last + 1):
            yield Stepped(step=step, loss=100 / (step + 100), learning_rate=1e-3, seconds=0.1)
            if step % 100 == 0:
                yield Validated(
                    step=step,
                    metrics={"dice": dice + step / 10_000, "hd95_mm": None},
                    selected_by="highest mean foreground Dice of the consensus",
                    best=True,
                    cases=1,
                    seconds=1.0,
                )

    return make


@pytest.fixture
def write_comparison():
    """The answer of a run that was held against its control, with the longest words."""
    from napari_diffseg.evaluation.paired import PairedDifference
    from napari_diffseg.training.comparison import COMPARISON, Comparison

    def write(run):
        difference = PairedDifference(
            mean=0.012, low=-0.004, high=0.031, cases=52, better=31, undefined=0, higher_is_better=True
        )
        found = Comparison(
            steps=3000,
            metric="dice",
            members=2,
            with_diffusion=0.861,
            without_diffusion=0.849,
            difference=difference,
            verdict=difference.verdict("ImgX-DiffSeg", "U-Net without diffusion"),
            note="The validation part chose both checkpoints, so neither mean is a test result. " * 2,
            checkpoints=("0", "1"),
        )
        (run / COMPARISON).write_text(found.model_dump_json(), encoding="utf-8")
        return found

    return write
