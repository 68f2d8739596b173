import pytest
from qtpy.QtCore import Qt

from napari_diffseg.errors import CheckpointError
from napari_diffseg.methods.registry import methods
from napari_diffseg.widgets.model import ModelChooser


@pytest.fixture
def folder(tmp_path, tiny_checkpoint_path):
    (tmp_path / "good.safetensors").write_bytes(tiny_checkpoint_path.read_bytes())
    (tmp_path / "short.safetensors").write_bytes(tiny_checkpoint_path.read_bytes()[:-10])
    (tmp_path / "alien.safetensors").write_bytes(b"<b>no checkpoint</b>")
    return tmp_path


@pytest.fixture
def chooser(qtbot, folder):
    chooser = ModelChooser([folder])
    qtbot.addWidget(chooser)
    return chooser


def rows(chooser):
    return {chooser.checkpoint.itemText(row): row for row in range(chooser.checkpoint.count())}


def test_broken_files_are_listed_greyed_and_say_why(chooser):
    items = chooser.checkpoint.model()
    for name, reason in (("short", "cut short"), ("alien", "not a checkpoint of this program")):
        item = items.item(rows(chooser)[name])
        assert not item.isEnabled()
        assert reason in item.data(Qt.ItemDataRole.ToolTipRole)
    assert items.item(rows(chooser)["tiny"]).isEnabled()


def test_a_line_says_what_the_model_segments_and_what_it_was_trained_on(chooser):
    chooser.choose("tiny")
    told = chooser.about.text()
    assert told.startswith("Tiny test model: anterior, posterior. Trained on nothing (licence none)")
    assert chooser.about.textFormat() == Qt.TextFormat.PlainText


def test_choosing_a_method_leaves_its_own_checkpoints(chooser):
    chooser.method.setCurrentIndex(chooser.method.findData("imgx-unet"))
    assert "tiny" not in rows(chooser)
    chooser.method.setCurrentIndex(chooser.method.findData("imgx"))
    assert "tiny" in rows(chooser)


def test_choosing_a_method_says_what_it_is_with_its_paper(chooser):
    assert chooser.sentence.text() == ""
    for entry in methods().values():
        chooser.method.setCurrentIndex(chooser.method.findData(entry.name))
        assert chooser.sentence.text() == f"{entry.sentence} In 2D and 3D. {entry.paper}."
    chooser.method.setCurrentIndex(0)
    assert chooser.sentence.text() == ""


def test_a_method_without_a_model_says_how_to_get_one(chooser):
    chooser.method.setCurrentIndex(chooser.method.findData("medsegdiff"))
    assert "There is no model of MedSegDiff here yet" in chooser.about.text()
    assert "napari-diffseg models import FILE --from SOURCE --out FILE" in chooser.about.text()
    chooser.method.setCurrentIndex(chooser.method.findData("imgx"))
    assert "Trained on" in chooser.about.text()


def test_a_browsed_file_is_listed_and_chosen(chooser, qtbot, press, tiny_checkpoint_path, monkeypatch):
    monkeypatch.setattr(
        "napari_diffseg.widgets.model.QFileDialog.getOpenFileName",
        lambda *_: (str(tiny_checkpoint_path), ""),
    )
    with qtbot.waitSignal(chooser.changed):
        press(chooser.browse)
    assert chooser.chosen()[0] == tiny_checkpoint_path


def test_a_browsed_file_that_is_broken_is_refused_with_its_reason(chooser, folder):
    chooser.take(folder / "short.safetensors")
    with pytest.raises(CheckpointError, match="cut short"):
        chooser.chosen()


def test_a_file_that_went_away_is_no_longer_listed(chooser, folder):
    (folder / "good.safetensors").unlink()
    chooser.refresh()
    assert "tiny" not in rows(chooser)


def test_a_file_that_came_since_is_there_when_the_list_opens(chooser, folder, tiny_checkpoint_path):
    chooser.choose("tiny")
    (folder / "late.safetensors").write_bytes(b"unfinished")
    chooser.checkpoint.showPopup()
    chooser.checkpoint.hidePopup()
    assert "late" in rows(chooser)
    assert chooser.checkpoint.currentText() == "tiny"
