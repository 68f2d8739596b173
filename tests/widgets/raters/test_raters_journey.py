"""A reading study from beginning to end, through the docks in real windows."""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.io.nifti import read_labels
from napari_diffseg.methods.registry import method
from napari_diffseg.metrics import dice
from napari_diffseg.raters.project import open_project
from napari_diffseg.training.config import valid_run
from napari_diffseg.training.folder import make_run
from napari_diffseg.training.run import train
from napari_diffseg.widgets.comparing.export_dialog import ExportDialog
from napari_diffseg.widgets.projects.new_project import NewProject

DATA = Path(__file__).parents[2] / "data"
HIPPOCAMPUS, NODULE = DATA / "hippocampus", DATA / "lidc_nodules" / "LIDC-IDRI-0003_n02"
CASES = ("hippocampus_148", "hippocampus_017", "image")
SCANS = (*(HIPPOCAMPUS / "images" / f"{case}.nii.gz" for case in CASES[:2]), NODULE / "image.nii.gz")
TINY = {
    "name": "tiny",
    "method": "imgx",
    "config": method("imgx").load().Config(unet={"widths": (4, 8)}).model_dump(mode="json"),
    "preparation": {"spacing_mm": (2.0, 2.0, 2.0)},
    "train": {"steps": 3, "batch": 1, "crop": (16, 16, 16), "precision": "fp32", "device": "cpu"},
    "validation": {"every": 3, "cases": 1, "members": 2, "steps": 1},
}

opened_files = []
sys.addaudithook(lambda event, args: opened_files.append(str(args[0])) if event == "open" else None)


@dataclass
class Window:
    viewer: object
    dock: object

    @property
    def view(self):
        return self.dock.view


@pytest.fixture
def masks():
    """Two people's masks of each case: of a hippocampus the whole and its head, and two readers' nodule."""
    found = {}
    for case in CASES[:2]:
        labels = read_labels(HIPPOCAMPUS / "labels" / f"{case}.nii.gz").data
        found[case] = {"Anna": labels > 0, "Ben": labels == 1}
    both = [read_labels(NODULE / f"mask-{number}.nii.gz").data > 0 for number in (0, 2)]
    found["image"] = dict(zip(("Anna", "Ben"), both, strict=True))
    return found


@pytest.fixture
def window(make_napari_viewer):
    def make():
        viewer = make_napari_viewer()
        _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Raters")
        return Window(viewer, dock)

    return make


@pytest.fixture
def make_project(qtbot, tmp_path):
    def make(dock):
        dock.start.new.click()
        (dialog,) = dock.findChildren(NewProject)
        dialog.use_folder(tmp_path)
        dialog.title.setText("Study")
        dialog.raters.setText("Anna, Ben")
        dialog.cases.add_scans(*SCANS)
        dialog.go.click()
        qtbot.waitUntil(lambda: dock.view is not None, timeout=20_000)
        return open_project(tmp_path / "Study")

    return make


@pytest.fixture
def read_all(qtbot, choose_rater, read_case, saved, states):
    """Draw and finish every case as a rater; over once their window has looked at the files again."""

    def go(window, rater, masks):
        choose_rater(window.view, rater)
        qtbot.waitUntil(lambda: window.view.cases.table.rowCount() == 3, timeout=10_000)
        page = window.view.page
        for case in CASES:
            read = read_case(window.view, case)
            read.labels.data_setitem(np.nonzero(masks[case][rater]), np.uint8(2))
            saved(page)
            page.line.finish.click()
            qtbot.waitUntil(lambda: bool(page.finishing.buttons), timeout=10_000)
            page.finishing.buttons["Finish"].click()
            qtbot.waitUntil(lambda: page.read.is_frozen, timeout=10_000)
        qtbot.waitUntil(lambda: states(window.view) == ["finished"] * len(CASES), timeout=10_000)

    return go


@pytest.fixture
def look_at(qtbot):
    """Turn to the page that compares, and to a case there."""

    def go(window, case):
        page = window.view.compare
        window.view.tabs.setCurrentWidget(page)
        qtbot.waitUntil(lambda: case in page.head.comparable(), timeout=10_000)
        if page.case is None or page.case.found.reads.case != case:
            page.head.choose(case)
        shown = lambda: page.case is not None and page.case.found.reads.case == case  # noqa: E731
        qtbot.waitUntil(shown, timeout=20_000)
        return page

    return go


def trained_on(project, folder):
    dataset = open_dataset(project.root)
    assert [len(case.read().reads) for case in dataset.cases] == [2, 2, 2]
    make_run(folder, valid_run(TINY | {"data": {"path": dataset.root, "validation": 0.34}}, "the test"))
    ended = train(folder)
    assert (ended.state, ended.step) == ("finished", 3), ended.sentence
    return folder / "last.safetensors"


def export_from(page, qtbot, folder):
    page.export.click()
    page.head.question.buttons["I am the owner"].click()
    (dialog,) = page.findChildren(ExportDialog)
    dialog.use_folder(folder)
    dialog.name.setText("exported")
    dialog.export_.click()
    qtbot.waitUntil(lambda: "saved in" in dialog.message.text(), timeout=30_000)
    dialog.reject()
    return folder / "exported"


def test_a_study_is_made_read_blind_compared_exported_trained_on_and_held_against_a_model(
    qtbot, window, make_project, read_all, look_at, open_in, masks, tmp_path, monkeypatch
):
    first = window()
    project = make_project(first.dock)
    read_all(first, "Anna", masks)
    page = first.view.compare
    first.view.tabs.setCurrentWidget(page)
    qtbot.waitUntil(lambda: "every reader" in page.head.nothing.text(), timeout=10_000)
    assert page.head.comparable() == ()

    # the second rater's window and files hold no trace of the first one's masks
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another computer"))
    second = window()
    opened_files.clear()
    open_in(second.dock, project.root, "Ben")
    second.view.open_case(CASES[0])
    qtbot.waitUntil(lambda: second.view.page.read is not None, timeout=10_000)
    read = second.view.page.read
    assert set(second.viewer.layers) == {*read.layers.images, read.labels}
    assert not read.labels.data.any()
    read_all(second, "Ben", masks)
    theirs = [path for path in opened_files if "/reads/" in path]
    assert theirs
    assert not [path for path in theirs if "/Anna/" in path]

    # unblinded: compare
    compared = look_at(second, CASES[0])
    expected = float(dice(masks[CASES[0]]["Anna"], masks[CASES[0]]["Ben"]))
    ((pair, shown_dice, *_),) = compared.agreement.pairs.texts()
    assert shown_dice == f"{expected:.2f}"
    other = pair.replace("Ben", "").strip(" –")
    assert other in ("reader 1", "reader 2")
    assert [box.text() for box in compared.legend.readers] == ["Ben (you)", other]
    votes = compared.case.layers.votes.data
    both = np.logical_and(*masks[CASES[0]].values())
    assert np.array_equal(votes == 2, both[compared.case.found.agreement.box.slices])

    # consensus
    compared.consensus.way.choose("intersection")
    compared.consensus.begin()
    qtbot.waitUntil(lambda: "Intersection of 2" in compared.consensus.volumes.text(), timeout=10_000)
    consensus = next(layer for layer in second.viewer.layers if layer.name.startswith("consensus"))
    assert np.array_equal(consensus.data > 0, both)

    # export
    folder = export_from(compared, qtbot, tmp_path)
    assert {path.name for path in (folder / CASES[0]).iterdir()} == {
        "Anna.nii.gz",
        "Ben.nii.gz",
        "consensus.nii.gz",
    }
    again = read_labels(folder / CASES[0] / "Anna.nii.gz").data
    assert np.array_equal(again > 0, masks[CASES[0]]["Anna"])
    with (folder / "agreement-pairs.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["case"] == CASES[0]]
    assert float(rows[0]["dice"]) == pytest.approx(expected)

    # train on the project, and hold the model against its raters
    checkpoint = trained_on(project, tmp_path / "run")
    compared.model.model.take(checkpoint)
    compared.model.form.rows["members"].value = 3
    compared.model.form.rows["device"].value = "cpu"
    compared.model.start.click()
    qtbot.waitUntil(lambda: not compared.model.trial.is_running, timeout=60_000)
    assert compared.model.message.text() == ""
    (found,) = compared.model.found[CASES[0]]
    assert found.members == 3
    measures = {row[0]: row[1] for row in compared.model.measures.texts()}
    assert measures["GED, 3 samples, as published"] == f"{found.ged.published:.3f}"
    assert len(compared.model.volumes.texts()) == 2
    assert compared.model.sentence.text()
