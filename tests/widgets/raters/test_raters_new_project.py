"""A new project from the dock: what is asked, what is made, and that nothing half-made stays."""

from pathlib import Path

import pytest
from PyQt6 import sip

from napari_diffseg.raters.project import open_project
from napari_diffseg.widgets.new_project import NewProject

IMAGES = Path(__file__).parents[2] / "data" / "hippocampus" / "images"
SCANS = IMAGES / "hippocampus_148.nii.gz", IMAGES / "hippocampus_017.nii.gz"


@pytest.fixture
def dialog(qtbot, tmp_path):
    dialog = NewProject()
    dialog.show()
    dialog.use_folder(tmp_path)
    yield dialog
    if not sip.isdeleted(dialog):  # it deletes itself where it is closed
        dialog.reject()
    qtbot.waitUntil(lambda: sip.isdeleted(dialog), timeout=5_000)


def fill(dialog, *scans):
    dialog.title.setText("Nodules 2026")
    dialog.raters.setText("Anna Berg,  Ben Ochs, ")
    dialog.add_scans(*scans)


def test_a_project_is_made_as_asked_and_opened(qtbot, make_dock, tmp_path, monkeypatch):
    dock = make_dock()
    dock.start.new.click()
    (dialog,) = dock.findChildren(NewProject)
    dialog.use_folder(tmp_path)
    fill(dialog, *SCANS)
    dialog.form.setCurrentIndex(1)
    dialog.create_.click()
    qtbot.waitUntil(lambda: dock.view is not None, timeout=20_000)
    project = open_project(tmp_path / "Nodules-2026")
    document = project.document
    assert (document.title, document.raters) == ("Nodules 2026", ("Anna Berg", "Ben Ochs"))
    assert [case.name for case in document.cases] == ["hippocampus_148", "hippocampus_017"]
    assert [info.name for info in document.labels] == ["nodule"]
    assert len(document.form.fields) == 9
    assert project.scan("hippocampus_148").data.shape == (1, 32, 48, 34)


def test_scans_may_stay_where_they_are(qtbot, dialog, tmp_path):
    fill(dialog, SCANS[0])
    dialog.copy.setChecked(False)
    with qtbot.waitSignal(dialog.made, timeout=20_000) as made:
        dialog.make()
    project = open_project(made.args[0])
    assert project.untrusted() == (IMAGES.resolve(),)
    assert list((project.root / "images").iterdir()) == []


def test_create_waits_for_title_readers_classes_and_scans(dialog):
    assert not dialog.create_.isEnabled()
    fill(dialog)
    assert not dialog.create_.isEnabled()
    dialog.add_scans(*SCANS, SCANS[0])
    assert dialog.scans.count() == 2
    assert dialog.create_.isEnabled()
    dialog.classes.setText(" , ")
    assert not dialog.create_.isEnabled()


def test_a_form_proposes_its_class_but_not_over_the_person_s_own(dialog):
    assert dialog.classes.text() == "lesion"
    dialog.form.setCurrentIndex(1)
    assert dialog.classes.text() == "nodule"
    dialog.classes.setText("metastasis")
    dialog.form.setCurrentIndex(0)
    assert dialog.classes.text() == "metastasis"


@pytest.mark.parametrize("case", ["not a scan", "same names", "taken", "no folder", "same folders"])
def test_what_cannot_be_made_is_said_and_leaves_nothing(qtbot, dialog, tmp_path, case):
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"no scan")
    fill(dialog, SCANS[0])
    target = tmp_path / "Nodules-2026"
    if case == "not a scan":
        dialog.add_scans(broken)
    elif case == "same names":
        dialog.raters.setText("Anna, Anna")
    elif case == "same folders":
        dialog.raters.setText("Anna Berg, Anna-Berg")
    elif case == "taken":
        target.mkdir()
        (target / "other.txt").write_text("somebody's")
    else:
        dialog.use_folder(tmp_path / "nowhere")
    before = sorted(tmp_path.rglob("*"))
    dialog.make()
    qtbot.waitUntil(dialog.create_.isEnabled, timeout=20_000)
    assert len(dialog.message.text()) > 30
    assert "Traceback" not in dialog.message.text()
    assert sorted(tmp_path.rglob("*")) == before


def test_closing_the_dialog_while_it_works_leaves_nothing(qtbot, dialog, tmp_path):
    fill(dialog, *SCANS)
    dialog.make()
    dialog.reject()
    qtbot.waitUntil(lambda: list(tmp_path.iterdir()) == [], timeout=5_000)
