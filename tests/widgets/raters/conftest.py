"""A rater project on the disk, and docks that read it."""

import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication

from napari_diffseg.io.nifti import read_labels
from napari_diffseg.raters.opening import open_read

HIPPOCAMPUS = Path(__file__).parents[2] / "data" / "hippocampus"
FIRST, SECOND = CASES = ("hippocampus_148", "hippocampus_017")


@pytest.fixture(autouse=True)
def _own_memory(tmp_path, monkeypatch):
    """What docks remember of projects is forgotten after each test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "memory"))


@pytest.fixture
def new_project(new_project):
    return partial(new_project, cases=CASES, raters=("Anna", "Ben"))


@pytest.fixture
def project(new_project):
    return new_project()


@pytest.fixture(scope="session")
def drawn():
    """A real mask on the first case: both parts of a hippocampus as lesion 2."""
    labels = read_labels(HIPPOCAMPUS / "labels" / f"{FIRST}.nii.gz").data
    return np.ascontiguousarray(np.where(labels, 2, 0).astype(np.uint8))


@pytest.fixture
def finished_by():
    """Draws a mask as a rater's whole session and finishes it."""

    def finish(project, rater, mask, case=FIRST):
        with open_read(project, case, rater) as read:
            data = read.mask()
            data[:] = mask
            return read.finish(data)

    return finish


@pytest.fixture
def empty_viewer():
    return ViewerModel()


@pytest.fixture
def make_dock(qtbot, empty_viewer):
    """Raters docks; shut down in the end."""
    from napari_diffseg.widgets import RatersWidget

    docks = []

    def make(viewer=empty_viewer):
        dock = RatersWidget(viewer)
        qtbot.addWidget(dock)
        docks.append(dock)
        return dock

    yield make
    for dock in docks:
        dock.shut_down()


@pytest.fixture
def open_in(qtbot):
    """Open a project in a dock as a rater; gives its view."""

    def go(dock, root, rater="Anna"):
        dock.open_project(root)
        qtbot.waitUntil(lambda: dock.view is not None, timeout=10_000)
        _choose_rater(dock.view, rater)
        qtbot.waitUntil(lambda: dock.view.cases.table.rowCount() > 0, timeout=10_000)
        return dock.view

    return go


@pytest.fixture
def view(make_dock, open_in, project):
    """The project, open for Anna."""
    return open_in(make_dock(), project.root)


@pytest.fixture
def read_case(qtbot):
    """Open a case in a view; gives what is on screen."""

    def go(view, case=FIRST, start=None):
        view.open_case(case, start)
        qtbot.waitUntil(lambda: view.page.read is not None, timeout=10_000)
        if view.page.read.session is not None:
            _saved(view.page)
        return view.page.read

    return go


@pytest.fixture
def saved():
    """Wait until a page has nothing more to save."""
    return _saved


@pytest.fixture
def choose_rater():
    """Say in a view who reads."""
    return _choose_rater


@pytest.fixture
def states():
    """How far the rater is, in the order of the list of cases."""

    def told(view):
        table = view.cases.table
        return [table.item(row, 1).text().splitlines()[0] for row in range(table.rowCount())]

    return told


@pytest.fixture
def paint():
    """One stroke, as a click with the brush gives."""

    def stroke(read, at, number=2, size=5):
        read.labels.brush_size = size
        read.labels.selected_label = number
        read.labels.paint(at, number)

    return stroke


@pytest.fixture
def on_disk():
    """Mask and lesions of a rater's open session, closed by now, as the next opening finds them."""

    def find(project, case=FIRST, rater="Anna"):
        with open_read(project, case, rater) as read:
            assert read.facts.session == 1
            return read.mask(), read.lesions

    return find


def _choose_rater(view, name):
    view.who.setCurrentIndex(view.who.findText(name))
    view.who.activated.emit(view.who.currentIndex())


def _saved(page, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not page.read.session.is_saved:
        assert time.monotonic() < deadline, page.line.trouble.text()
        QApplication.processEvents()
        time.sleep(0.005)
    QApplication.processEvents()
