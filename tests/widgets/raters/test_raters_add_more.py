"""Cases and readers that a project gets later, through the open project in the dock."""

from pathlib import Path

import pytest
from qtpy.QtWidgets import QApplication

from napari_diffseg.raters.project import open_project
from napari_diffseg.widgets.projects.add_to_project import AddToProject

DATA = Path(__file__).parents[2] / "data"
FIRST, SECOND = "hippocampus_148", "hippocampus_017"
FLAIR, T1 = (DATA / "ms_lesions" / f"{name}.nii.gz" for name in ("flair", "t1"))


@pytest.fixture
def dialog_of(qtbot):
    """The dialog behind a view's button."""

    def press(view):
        view.add.click()
        (dialog,) = view.findChildren(AddToProject)
        return dialog

    return press


@pytest.fixture
def add(qtbot):
    """Press Add, until the dialog is gone."""

    def press(dialog):
        assert dialog.go.isEnabled(), dialog.message.text()
        with qtbot.waitSignal(dialog.finished, timeout=20_000):
            dialog.go.click()
        QApplication.processEvents()

    return press


def cases_of(view):
    return view.cases.table.cases()


def test_a_new_case_stands_in_the_list_and_can_be_read(qtbot, view, dialog_of, add, read_case):
    dialog = dialog_of(view)
    assert not dialog.go.isEnabled()
    dialog.cases.add_scans(FLAIR, T1)
    add(dialog)
    qtbot.waitUntil(lambda: cases_of(view) == [FIRST, SECOND, "ms_lesions"], timeout=10_000)
    assert open_project(view.project.root).scan("ms_lesions").channels == ("flair", "t1")
    assert len(read_case(view, "ms_lesions").opened.scan.data) == 2


def test_a_new_case_never_takes_the_name_of_one_there(view, dialog_of, add):
    dialog = dialog_of(view)
    dialog.cases.add_scans(DATA / "hippocampus" / "images" / f"{FIRST}.nii.gz")
    add(dialog)
    assert [case.name for case in view.project.document.cases] == [FIRST, SECOND, f"{FIRST}-2"]


def test_a_new_reader_may_be_chosen_and_blinds_the_cases_again(
    qtbot, view, project, dialog_of, add, finished_by, drawn, choose_rater
):
    for rater in ("Anna", "Ben"):
        finished_by(project, rater, drawn)
    view.tabs.setCurrentWidget(view.compare)
    qtbot.waitUntil(lambda: view.compare.head.comparable() == (FIRST,), timeout=10_000)
    dialog = dialog_of(view)
    dialog.raters.setText("Carla")
    add(dialog)
    assert view.tabs.currentWidget() is view.cases
    qtbot.waitUntil(lambda: view.cases.table.item(0, 2).text() == "2 of 3", timeout=10_000)
    view.tabs.setCurrentWidget(view.compare)
    qtbot.waitUntil(lambda: view.compare.head.comparable() == (), timeout=10_000)
    choose_rater(view, "Carla")
    qtbot.waitUntil(lambda: cases_of(view) == [FIRST, SECOND], timeout=10_000)
    assert view.rater == "Carla"


@pytest.mark.parametrize(
    ("name", "why"), [("anna", "reads in this project already"), ("reader 2", "is what readers are called")]
)
def test_a_reader_s_name_that_cannot_be_is_said(view, dialog_of, name, why):
    dialog = dialog_of(view)
    dialog.raters.setText(name)
    assert why in dialog.message.text()
    assert not dialog.go.isEnabled()
    dialog.reject()


def test_what_was_added_before_a_bad_file_stays(qtbot, view, dialog_of, tmp_path):
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"no scan")
    dialog = dialog_of(view)
    dialog.raters.setText("Carla")
    dialog.cases.add_scans(FLAIR, broken)
    dialog.go.click()
    qtbot.waitUntil(dialog.go.isEnabled, timeout=20_000)
    assert "broken.nii.gz" in dialog.message.text()
    assert [draft.name for draft in dialog.cases.drafts] == ["broken"]
    assert dialog.raters.text() == ""
    dialog.reject()
    qtbot.waitUntil(lambda: cases_of(view) == [FIRST, SECOND, "flair"], timeout=10_000)
    assert view.project.document.raters == ("Anna", "Ben", "Carla")


def test_cancelling_keeps_the_cases_that_are_in(qtbot, view, dialog_of):
    dialog = dialog_of(view)
    dialog.cases.add_scans(FLAIR)
    dialog.cases.add_scans(T1)
    with qtbot.waitSignal(dialog.finished, timeout=20_000):
        dialog.go.click()
        dialog.reject()
    there = [case.name for case in open_project(view.project.root).document.cases]
    assert there in ([FIRST, SECOND], [FIRST, SECOND, "flair"])
    assert [case.name for case in view.project.document.cases] == there


def test_scans_that_stay_where_they_are_are_trusted_at_once(qtbot, view, dialog_of, add, read_case):
    dialog = dialog_of(view)
    dialog.cases.add_scans(FLAIR)
    dialog.cases.copy.setChecked(False)
    add(dialog)
    assert view.project.trusted == (FLAIR.parent.resolve(),)
    assert read_case(view, "flair").opened.scan.data.any()
