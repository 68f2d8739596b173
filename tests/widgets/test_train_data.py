"""The data part of the Train dock: what is opened, shown, and wrong."""

import shutil

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QThreadPool
from qtpy.QtWidgets import QFileDialog

from napari_diffseg.errors import DatasetError
from napari_diffseg.widgets.errand import give_up_all
from napari_diffseg.widgets.training.dataset import DatasetChooser


@pytest.fixture
def chooser(qtbot, viewer):
    chooser = DatasetChooser(viewer)
    qtbot.addWidget(chooser)
    chooser.show()
    yield chooser
    give_up_all(chooser)


@pytest.fixture
def looked_through(qtbot, chooser):
    """Open a data set and wait until all of its cases were read."""

    def wait(path):
        chooser.open(path)
        qtbot.waitUntil(lambda: chooser.summary.text() != "Opening…", timeout=60_000)
        qtbot.waitUntil(lambda: not chooser.bar.isVisible(), timeout=60_000)
        return chooser

    return wait


@pytest.fixture
def flawed(hippocampus, tmp_path):
    """A data set with a label that is no file of its kind, and an image without a label."""
    folder = shutil.copytree(hippocampus, tmp_path / "flawed")
    shutil.copy(folder / "images" / "hippocampus_017.nii.gz", folder / "images" / "alone.nii.gz")
    shutil.copy(folder / "images" / "hippocampus_017.nii.gz", folder / "images" / "broken.nii.gz")
    (folder / "labels" / "broken.nii.gz").write_bytes(b"nothing")
    return folder


def test_a_folder_is_summed_up_with_pictures_and_a_legend(looked_through, hippocampus):
    chooser = looked_through(hippocampus)
    layout, cases, sizes = chooser.summary.text().splitlines()
    assert layout == "images and labels · 3D"
    assert cases == "2 cases · 2 patients · 1 channel (image) · 1 rater"
    assert sizes == "32 × 48 × 34–35 voxels of 1 mm"
    assert len(chooser.pictures.shown) == 2
    assert chooser.chosen().root == hippocampus


def test_four_raters_of_images_in_one_file(looked_through, hippocampus):
    chooser = looked_through(hippocampus.parent / "lidc" / "hdf5" / "data_lidc.hdf5")
    assert "2D CT" in chooser.summary.text()
    assert "4 raters" in chooser.summary.text()
    assert len(chooser.pictures.shown) == 3
    assert chooser.chosen().dimensions == 2


def test_bad_cases_are_listed_and_left_out_only_on_consent(looked_through, flawed):
    chooser = looked_through(flawed)
    assert chooser.leave_out.text() == "Leave out 2 bad cases"
    assert "alone: There is no mask of this name" in chooser.wrong.text()
    assert "broken: broken.nii.gz is not a NIfTI volume" in chooser.wrong.text()
    with pytest.raises(DatasetError, match="2 cases cannot be used"):
        chooser.chosen()
    told = []
    chooser.changed.connect(lambda: told.append(True))
    chooser.leave_out.setChecked(True)
    assert told
    assert chooser.chosen().root == flawed


def test_consent_is_for_one_data_set(looked_through, flawed, hippocampus):
    looked_through(flawed).leave_out.setChecked(True)
    looked_through(hippocampus)
    assert not looked_through(flawed).leave_out.isChecked()


def test_a_folder_of_no_layout_is_one_sentence_and_the_rest_on_demand(looked_through, tmp_path):
    chooser = looked_through(tmp_path)
    assert "is of no layout known here" in chooser.problem.text()
    assert "\n" not in chooser.problem.text()
    assert "images/ and labels/" in chooser.wrong.text()
    with pytest.raises(DatasetError, match="Choose a data set first"):
        chooser.chosen()


def test_of_two_folders_opened_at_once_the_last_one_counts(looked_through, chooser, hippocampus, tmp_path):
    chooser.open(tmp_path)
    chooser.open(hippocampus.parent / "lidc" / "hdf5" / "data_lidc.hdf5")
    looked_through(hippocampus)
    assert chooser.problem.text() == ""
    assert chooser.chosen().root == hippocampus
    assert len(chooser.pictures.shown) == 2


def test_the_folder_button_asks_and_opens(qtbot, chooser, press, hippocampus, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(hippocampus))
    press(chooser.folder)
    qtbot.waitUntil(lambda: chooser.dataset is not None, timeout=60_000)


def test_closing_while_a_data_set_is_read_leaves_no_thread(qtbot, hippocampus):
    chooser = DatasetChooser(ViewerModel())
    qtbot.addWidget(chooser)
    chooser.open(hippocampus)
    give_up_all(chooser)
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0, timeout=5_000)
    assert chooser.dataset is None
