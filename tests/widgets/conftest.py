import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_diffseg.io import read_volume
from napari_diffseg.layers import scan_layers


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
