"""A new project from the dock: what is asked, what is made, and that nothing half-made stays."""

import shutil
from pathlib import Path

import pytest
from PyQt6 import sip
from qtpy.QtCore import QItemSelectionModel, QTimer

from napari_diffseg.raters.project import open_project
from napari_diffseg.raters.project_document import Protocol
from napari_diffseg.widgets.projects.new_project import NewProject

DATA = Path(__file__).parents[2] / "data"
IMAGES = DATA / "hippocampus" / "images"
SCANS = IMAGES / "hippocampus_148.nii.gz", IMAGES / "hippocampus_017.nii.gz"
SEQUENCES = [DATA / "ms_lesions" / f"{name}.nii.gz" for name in ("flair", "t1", "t2")]
CT = DATA / "dicom" / "ct_lung"


@pytest.fixture
def dialog(qtbot, tmp_path):
    dialog = NewProject()
    dialog.show()
    dialog.use_folder(tmp_path)
    yield dialog
    if not sip.isdeleted(dialog):  # it deletes itself where it is closed
        dialog.reject()
    qtbot.waitUntil(lambda: sip.isdeleted(dialog), timeout=5_000)


@pytest.fixture
def made(qtbot):
    """Create the project of a dialog and open it."""

    def make(dialog):
        assert dialog.go.isEnabled(), dialog.message.text()
        with qtbot.waitSignal(dialog.made, timeout=20_000) as told:
            dialog.go.click()
        return open_project(told.args[0])

    return make


def fill(dialog, *scans):
    dialog.title.setText("Nodules 2026")
    dialog.raters.setText("Anna Berg,  Ben Ochs, ")
    dialog.cases.add_scans(*scans)


def rows(dialog):
    table = dialog.cases.table
    return [tuple(table.item(row, column).text() for column in range(3)) for row in range(table.rowCount())]


def choose(dialog, *places):
    table = dialog.cases.table
    table.clearSelection()
    flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    for place in places:
        table.selectionModel().select(table.model().index(place, 0), flags)


def write(dialog, row, column, text):
    dialog.cases.table.item(row, column).setText(text)


def test_a_project_is_made_as_asked_and_opened(qtbot, make_dock, tmp_path):
    dock = make_dock()
    dock.start.new.click()
    (dialog,) = dock.findChildren(NewProject)
    dialog.use_folder(tmp_path)
    fill(dialog, *SCANS)
    dialog.form.setCurrentIndex(1)
    dialog.go.click()
    qtbot.waitUntil(lambda: dock.view is not None, timeout=20_000)
    project = open_project(tmp_path / "Nodules-2026")
    document = project.document
    assert (document.title, document.raters) == ("Nodules 2026", ("Anna Berg", "Ben Ochs"))
    assert [case.name for case in document.cases] == ["hippocampus_148", "hippocampus_017"]
    assert [info.name for info in document.labels] == ["nodule"]
    assert len(document.form.fields) == 9
    assert document.protocol == Protocol()
    assert project.scan("hippocampus_148").data.shape == (1, 32, 48, 34)


def test_scans_may_stay_where_they_are_and_are_trusted(qtbot, make_dock, tmp_path):
    dock = make_dock()
    dock.start.new.click()
    (dialog,) = dock.findChildren(NewProject)
    dialog.use_folder(tmp_path)
    fill(dialog, SCANS[0])
    dialog.cases.copy.setChecked(False)
    dialog.go.click()
    qtbot.waitUntil(lambda: dock.view is not None, timeout=20_000)
    project = open_project(tmp_path / "Nodules-2026")
    assert project.untrusted() == (IMAGES.resolve(),)
    assert list((project.root / "images").iterdir()) == []
    assert dock.view.trust.isHidden()  # whoever chose the files is not asked again
    assert dock.view.project.scan("hippocampus_148").data.any()


def test_a_case_has_a_channel_for_each_sequence(dialog, made):
    fill(dialog, *SEQUENCES, SCANS[0])
    assert rows(dialog) == [("ms_lesions", "flair, t1, t2", ""), ("hippocampus_148", "image", "")]
    scan = made(dialog).scan("ms_lesions")
    assert scan.channels == ("flair", "t1", "t2")
    assert len(scan.data) == 3


def test_the_person_corrects_which_files_are_one_case(dialog, made):
    contrast = DATA / "ms_lesions" / "t1_contrast.nii.gz"
    fill(dialog, *SEQUENCES, contrast)
    choose(dialog, 0)
    dialog.cases.split.click()
    assert [name for name, _, _ in rows(dialog)] == ["flair", "t1", "t2", "t1_contrast"]
    choose(dialog, 2)
    dialog.cases.drop.click()
    choose(dialog, 1, 2)
    dialog.cases.join.click()
    assert rows(dialog) == [("flair", "flair", ""), ("t1", "t1, t1_contrast", "")]
    write(dialog, 1, 0, "Brain 7")
    write(dialog, 1, 1, "t1, t1ce")
    assert rows(dialog)[1] == ("Brain 7", "t1, t1ce", "")
    assert made(dialog).scan("Brain 7").channels == ("t1", "t1ce")


def test_several_cases_may_be_of_one_patient(dialog, made):
    fill(dialog, *SCANS)
    for row in range(2):
        write(dialog, row, 2, "P7")
    assert [case.patient for case in made(dialog).document.cases] == ["P7", "P7"]


def test_a_cell_refuses_what_its_case_cannot_be(dialog):
    fill(dialog, *SEQUENCES, *SCANS)
    write(dialog, 0, 1, "flair, t1")
    assert "3 different names" in dialog.cases.message.text()
    write(dialog, 1, 1, "t1, t2")
    assert "one channel" in dialog.cases.message.text()
    write(dialog, 1, 0, "hippocampus_017")
    write(dialog, 2, 0, "  ")
    assert rows(dialog) == [
        ("ms_lesions", "flair, t1, t2", ""),
        ("hippocampus_017-2", "image", ""),
        ("hippocampus_017", "image", ""),
    ]


def test_channels_off_one_grid_are_said_and_can_be_split(qtbot, dialog, made, tmp_path):
    fill(dialog, *SCANS)
    choose(dialog, 0, 1)
    dialog.cases.join.click()
    assert [name for name, _, _ in rows(dialog)] == ["hippocampus"]
    dialog.go.click()
    qtbot.waitUntil(dialog.go.isEnabled, timeout=20_000)
    assert "do not lie on one grid" in dialog.message.text()
    assert list(tmp_path.iterdir()) == []
    assert dialog.cases.table.chosen() == [0]
    dialog.cases.split.click()
    assert len(made(dialog).document.cases) == 2


def test_the_protocol_is_that_of_the_form(dialog, made):
    fill(dialog, SCANS[0])
    form = dialog.protocol
    form.start.setChecked(True)
    form.names.setChecked(True)
    form.empty.setCurrentIndex(1)
    form.about.setPlainText("Everything above 3 mm.\nLung window.")
    assert made(dialog).document.protocol == Protocol(
        allow_start_from_member=True,
        show_names=True,
        empty_reads="left out",
        about="Everything above 3 mm.\nLung window.",
    )


def test_instructions_end_where_a_project_can_hold_no_more(dialog):
    dialog.protocol.about.setPlainText("x" * 30_000)
    assert len(dialog.protocol.protocol().about) == 20_000


def test_create_waits_for_title_readers_classes_and_cases(dialog):
    assert dialog.message.text() == "Still needed: a title, readers, cases."
    assert not dialog.go.isEnabled()
    fill(dialog)
    assert dialog.message.text() == "Still needed: cases."
    assert not dialog.go.isEnabled()
    dialog.cases.add_scans(*SCANS, SCANS[0])
    assert len(rows(dialog)) == 2
    assert dialog.go.isEnabled()
    assert dialog.message.isHidden()
    dialog.classes.setText(" , ")
    assert not dialog.go.isEnabled()


@pytest.mark.parametrize("name", ["reader 1", "Reader-12", "READER3"])
def test_a_reader_cannot_be_called_as_nameless_ones_are(dialog, name):
    fill(dialog, SCANS[0])
    dialog.raters.setText(f"Anna, {name}")
    assert f"“{name}” is what readers are called" in dialog.message.text()
    assert not dialog.go.isEnabled()
    dialog.raters.setText("Anna, Reader Ben")
    assert dialog.go.isEnabled()


def test_a_form_proposes_its_class_but_not_over_the_person_s_own(dialog):
    assert dialog.classes.text() == "lesion"
    dialog.form.setCurrentIndex(1)
    assert dialog.classes.text() == "nodule"
    dialog.classes.setText("metastasis")
    dialog.form.setCurrentIndex(0)
    assert dialog.classes.text() == "metastasis"


def test_a_folder_of_one_dicom_series_is_a_case(qtbot, dialog, made):
    fill(dialog)
    dialog.cases.add_folder(CT)
    qtbot.waitUntil(dialog.cases.add_dicom.isEnabled, timeout=10_000)
    assert rows(dialog) == [("ct_lung", "image", "")]
    scan = made(dialog).scan("ct_lung")
    assert scan.data.shape == (1, 6, 48, 64)
    assert scan.data.min() < -900  # air, in HU


def test_folders_of_several_dicom_series_make_a_case_of_each(qtbot, dialog, made, tmp_path):
    archive = tmp_path / "archive"
    shutil.copytree(CT, archive / "P1" / "thorax")
    shutil.copytree(DATA / "dicom" / "mr_double_oblique", archive / "P2" / "head")
    shutil.copytree(DATA / "dicom" / "ct_4d_tiny", archive / "P3")  # two series
    fill(dialog)
    for _ in range(2):  # what is listed already is not added again
        dialog.cases.add_folder(archive)
        qtbot.waitUntil(dialog.cases.add_dicom.isEnabled, timeout=10_000)
    assert [name for name, _, _ in rows(dialog)] == ["P1-thorax", "P2-head", "P3-CT-4", "P3-CT-4-2"]
    project = made(dialog)
    assert project.scan("P1-thorax").data.shape == (1, 6, 48, 64)
    assert len(project.scan("P3-CT-4-2").data[0]) == 4


def test_a_folder_without_dicom_is_said(qtbot, dialog):
    dialog.cases.add_folder(IMAGES)
    qtbot.waitUntil(dialog.cases.add_dicom.isEnabled, timeout=10_000)
    assert "holds no DICOM series" in dialog.cases.message.text()
    assert rows(dialog) == []


@pytest.mark.parametrize("case", ["not a scan", "same folders", "taken", "no folder"])
def test_what_cannot_be_made_is_said_and_leaves_nothing(qtbot, dialog, tmp_path, case):
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"no scan")
    fill(dialog, SCANS[0])
    target = tmp_path / "Nodules-2026"
    if case == "not a scan":
        dialog.cases.add_scans(broken)
    elif case == "same folders":
        dialog.raters.setText("Anna Berg, Anna-Berg")
    elif case == "taken":
        target.mkdir()
        (target / "other.txt").write_text("somebody's")
    else:
        dialog.use_folder(tmp_path / "nowhere")
    before = sorted(tmp_path.rglob("*"))
    dialog.go.click()
    qtbot.waitUntil(dialog.go.isEnabled, timeout=20_000)
    assert len(dialog.message.text()) > 30
    assert "Traceback" not in dialog.message.text()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_twice_is_said_while_it_is_typed(dialog):
    fill(dialog, SCANS[0])
    dialog.raters.setText("Anna, anna")
    assert "“anna”" in dialog.message.text()
    assert not dialog.go.isEnabled()


def test_closing_the_dialog_while_it_works_leaves_nothing(qtbot, dialog, tmp_path):
    fill(dialog, *SCANS)
    dialog.go.click()
    dialog.reject()
    assert "Stopping" in dialog.message.text()
    qtbot.waitUntil(lambda: sip.isdeleted(dialog), timeout=10_000)
    assert list(tmp_path.iterdir()) == []


def test_the_window_goes_on_while_a_series_is_written(qtbot, dialog, made):
    fill(dialog)
    dialog.cases.add_folder(CT)
    qtbot.waitUntil(dialog.cases.add_dicom.isEnabled, timeout=10_000)
    said = []
    timer = QTimer(dialog)
    timer.timeout.connect(lambda: said.append((dialog.message.text(), dialog.bar.isVisible())))
    timer.start(1)
    made(dialog)
    assert ("Adding ct_lung (1 of 1)…", True) in said
