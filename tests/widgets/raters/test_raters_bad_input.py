"""What the dock says when files are missing, damaged, newer, locked or cannot be written; nothing is lost."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.raters.cases import add_case
from napari_diffseg.raters.opening import open_read
from napari_diffseg.raters.project import create_project
from napari_diffseg.results.result import ClassInfo

FIRST, SECOND = "hippocampus_148", "hippocampus_017"


@pytest.fixture
def refused(qtbot, make_dock):
    """What the dock says of a folder that is no project."""

    def say(root):
        dock = make_dock()
        dock.open_project(root)
        qtbot.waitUntil(lambda: dock.start.problem.text() not in ("", "Opening…"), timeout=10_000)
        assert dock.view is None
        return dock.start.problem.text()

    return say


@pytest.fixture
def refused_case(qtbot):
    """What a view says of a case that cannot be opened."""

    def say(view, case=FIRST):
        view.open_case(case)
        qtbot.waitUntil(lambda: not view.cases.message.text().startswith("Opening"), timeout=10_000)
        assert view.page.read is None
        assert view.tabs.currentWidget() is view.cases
        return view.cases.message.text()

    return say


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.unlink(), "holds no raters.json"),
        (lambda path: path.write_bytes(b""), "is damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "is damaged"),
        (lambda path: path.write_text("[1, 2]"), "not valid"),
        (lambda path: _change(path, format=2), "Install a newer napari-diffseg"),
        (lambda path: _change(path, raters=["Anna", "anna"]), "not valid"),
        (lambda path: _change(path, surprise=1), "not valid"),
    ],
)
def test_a_project_that_cannot_be_read_is_refused_with_what_to_do(refused, project, spoil, says):
    spoil(project.root / "raters.json")
    assert says in refused(project.root)


def test_a_folder_that_is_not_there_is_refused(refused, tmp_path):
    assert "There is no folder" in refused(tmp_path / "gone")


def test_a_missing_image_names_the_file_and_the_dock_goes_on(view, refused_case, read_case, project):
    (project.root / "images" / f"{FIRST}.nii.gz").unlink()
    assert f"{FIRST}.nii.gz cannot be read" in refused_case(view)
    assert read_case(view, SECOND).opened.record.case == SECOND


def test_an_image_that_was_exchanged_is_refused(view, refused_case, project):
    images = project.root / "images"
    shutil.copy(images / f"{SECOND}.nii.gz", images / f"{FIRST}.nii.gz")
    assert "checksum differs" in refused_case(view)


def test_a_read_that_is_open_elsewhere_says_where_and_since_when(view, refused_case, project):
    with open_read(project, FIRST, "Anna"):
        said = refused_case(view)
    assert f"open already (process {os.getpid()} on " in said
    assert "since " in said


@pytest.mark.parametrize("name", ["read.json", "lesions.json", "mask.nii.gz"])
def test_a_damaged_read_is_refused_and_its_lock_is_given_back(view, refused_case, project, name):
    with open_read(project, FIRST, "Anna"):
        pass
    path = project.root / "reads" / FIRST / "Anna" / "001" / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert name.split(".")[0] in refused_case(view)
    path.write_bytes(whole)
    with open_read(project, FIRST, "Anna"):
        pass


def test_a_journal_that_was_cut_short_opens_and_says_so(view, read_case, project):
    with open_read(project, FIRST, "Anna") as read:
        data = read.mask()
        data[5, 6:9, 7:9] = 2
        read.record(data)
        data[9, 6:9, 7:9] = 2
        read.record(data)
    journal = project.root / "reads" / FIRST / "Anna" / "001" / "journal.bin"
    journal.write_bytes(journal.read_bytes()[:-5])
    read = read_case(view)
    assert "Look over what was drawn last" in view.page.warning.text()
    assert read.labels.data[5].any()


def test_a_folder_that_vanishes_while_drawing_is_said_at_once_and_drawing_is_saved_when_it_is_back(
    qtbot, view, read_case, paint, saved, project, on_disk
):
    read = read_case(view)
    away = project.root.with_name("away")
    project.root.rename(away)
    paint(read, (10, 20, 16))
    qtbot.waitUntil(lambda: bool(view.page.line.trouble.text()), timeout=2_000)
    assert view.page.line.saved.text() == "Not saved!"
    assert "see whether the folder can still be reached" in view.page.line.trouble.text()
    assert "tried again" in view.page.line.trouble.text()
    paint(read, (14, 20, 16))
    away.rename(project.root)
    qtbot.waitUntil(lambda: not view.page.line.trouble.text(), timeout=6_000)
    saved(view.page)
    drawn = read.labels.data.copy()
    view.page.close_case()
    assert np.array_equal(on_disk(project)[0], drawn)


def test_a_full_disk_is_said_in_red_and_nothing_drawn_is_lost(
    qtbot, view, read_case, paint, saved, project, on_disk, monkeypatch
):
    from napari_diffseg.raters import journal

    read = read_case(view)

    def full(*_, **__):
        raise unsaved(Path("journal.bin"), OSError(28, "No space left on device"))

    from napari_diffseg.raters.document import unsaved

    with monkeypatch.context() as patch:
        patch.setattr(journal, "add", full)
        paint(read, (10, 20, 16))
        qtbot.waitUntil(lambda: "No space left on device" in view.page.line.trouble.text(), timeout=2_000)
        assert "color: #" in view.page.line.trouble.styleSheet()
    saved(view.page)
    assert view.page.line.trouble.text() == ""
    drawn = read.labels.data.copy()
    view.page.close_case()
    assert np.array_equal(on_disk(project)[0], drawn)


def test_a_read_that_was_taken_over_is_frozen_and_says_by_whom(qtbot, view, read_case, paint, project):
    read = read_case(view)
    lock = project.root / "reads" / FIRST / "Anna" / "001" / "lock.json"
    holder = json.loads(lock.read_text())
    lock.write_text(json.dumps(holder | {"token": "other", "host": "ward-7", "pid": 4711}))
    read.session.read._lock._holder = read.session.read._lock._holder.model_copy(update={"heartbeat": 0.0})
    paint(read, (10, 20, 16))
    qtbot.waitUntil(lambda: not read.labels.editable, timeout=5_000)
    assert "opened elsewhere meanwhile (process 4711 on ward-7" in view.page.line.trouble.text()
    assert "tried again" not in view.page.line.trouble.text()
    view.page.close_case()
    assert json.loads(lock.read_text())["token"] == "other"


def test_voxels_that_somebody_replaced_are_not_saved_and_said(qtbot, view, read_case, paint):
    read = read_case(view)
    read.labels.data = np.zeros((4, 5, 6), dtype=np.uint8)
    qtbot.waitUntil(lambda: "replaced by others" in view.page.line.trouble.text(), timeout=2_000)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="an administrator may write anywhere")
def test_a_folder_without_permission_is_said(view, refused_case, project):
    reads = project.root / "reads"
    reads.chmod(0o500)
    try:
        assert "could not be saved (Permission denied)" in refused_case(view)
    finally:
        reads.chmod(0o700)


def test_a_read_whose_folder_cannot_be_made_is_refused(view, refused_case, project):
    (project.root / "reads" / FIRST).write_text("a file where a folder belongs")
    assert "could not be saved" in refused_case(view)


def test_scans_outside_are_read_only_after_the_person_agreed(
    qtbot, make_dock, open_in, refused_case, read_case, new_project
):
    project = new_project(copy=False)
    view = open_in(make_dock(), project.root)
    assert "from outside its own folder" in view.trust.text.text()
    assert "was not confirmed yet" in refused_case(view)
    view.trust.buttons["Read them"].click()
    assert read_case(view).opened.record.case == FIRST
    again = open_in(make_dock(), project.root)  # agreed once
    assert not again.trust.isVisibleTo(again)
    view.page.close_case()
    read_case(again)


def test_words_of_a_stranger_s_project_are_no_markup(qtbot, make_dock, open_in, tmp_path, new_project):
    project = new_project(cases=(), raters=("<b>Anna</b>",), labels=("<img src=x>",))
    project = add_case(project, "<h1>case</h1>", _image())
    view = open_in(make_dock(), project.root, "<b>Anna</b>")
    assert view.cases.table.item(0, 0).text() == "<h1>case</h1>"
    assert view.title.textFormat().name == "PlainText"
    assert view.page.head.name.textFormat().name == "PlainText"


def test_a_project_without_cases_says_so(qtbot, make_dock, tmp_path, choose_rater):
    create_project(tmp_path / "p", title="Empty", labels=[ClassInfo("a", "#ffffff")], raters=["Anna"])
    dock = make_dock()
    dock.open_project(tmp_path / "p")
    qtbot.waitUntil(lambda: dock.view is not None, timeout=10_000)
    choose_rater(dock.view, "Anna")
    qtbot.waitUntil(lambda: "no case for you" in dock.view.cases.nothing.text(), timeout=5_000)


def _change(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _image():
    return Path(__file__).parents[2] / "data" / "hippocampus" / "images" / f"{FIRST}.nii.gz"
