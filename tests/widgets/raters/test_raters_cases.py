"""A project in the dock: who reads, the list of cases, going on, finishing, reading again, and blinding."""

import sys

import numpy as np
import pytest

from napari_diffseg.raters.finished_read import reads_of
from napari_diffseg.raters.memory import recent_projects, remembered
from napari_diffseg.raters.opening import open_read

FIRST, SECOND = "hippocampus_148", "hippocampus_017"

opened_files = []
sys.addaudithook(
    lambda event, args: (
        opened_files.append(str(args[0])) if event in ("open", "os.listdir", "os.scandir") else None
    )
)


@pytest.fixture
def finish(saved, qtbot):
    """Press Finish and agree to whatever is asked."""

    def press(page):
        page.line.finish.click()
        qtbot.waitUntil(lambda: bool(page.finishing.buttons), timeout=5_000)
        asked = page.finishing.text.text()
        next(iter(page.finishing.buttons.values())).click()
        qtbot.waitUntil(lambda: page.read.is_frozen, timeout=5_000)
        qtbot.waitUntil(lambda: "Finished." in page.finishing.text.text(), timeout=5_000)
        return asked

    return press


def test_the_list_shows_state_progress_and_how_many_have_finished(
    qtbot, make_dock, open_in, project, drawn, finished_by
):
    finished_by(project, "Ben", drawn)
    with open_read(project, SECOND, "Anna") as read:
        read.beat(75.0)
        read.add_lesion("nodule")
    view = open_in(make_dock(), project.root)
    table = view.cases.table
    told = [[table.item(row, column).text() for column in range(3)] for row in range(2)]
    assert told == [[FIRST, "to do", "1 of 2"], [SECOND, "begun\n1 lesion · 1:15", "0 of 2"]]


def test_the_filter_leaves_mine_to_do(qtbot, make_dock, open_in, project, drawn, finished_by):
    finished_by(project, "Anna", drawn)
    view = open_in(make_dock(), project.root)
    titles = [view.cases.filter.itemText(place) for place in range(3)]
    assert titles == ["All cases (2)", "Mine to do (1)", "Finished by me (1)"]
    view.cases.filter.setCurrentIndex(1)
    assert view.cases.table.cases() == [SECOND]
    view.cases.filter.setCurrentIndex(2)
    assert view.cases.table.cases() == [FIRST]


def test_nobody_reads_before_saying_who_they_are(qtbot, make_dock, project):
    dock = make_dock()
    dock.open_project(project.root)
    qtbot.waitUntil(lambda: dock.view is not None, timeout=10_000)
    assert "Choose your name" in dock.view.cases.nothing.text()
    assert not dock.view.cases.open.isEnabled()


def test_this_computer_remembers_who_reads_and_the_last_projects(qtbot, make_dock, open_in, project):
    open_in(make_dock(), project.root, "Ben")
    assert remembered(project.root).rater == "Ben"
    dock = make_dock()
    assert [button.text() for button in dock.start.last] == ["Study"]
    dock.start.last[0].click()
    qtbot.waitUntil(lambda: dock.view is not None and dock.view.cases.table.rowCount() == 2, timeout=10_000)
    assert dock.view.rater == "Ben"


def test_a_damaged_memory_is_no_obstacle(tmp_path, make_dock, open_in, project):
    memory = tmp_path / "memory" / "napari-diffseg" / "rater_projects.json"
    memory.parent.mkdir(parents=True)
    for content in (b"{", b"[]", b'{"projects": {"/x": {"trusted": 7}}}', b"\xff\xfe"):
        memory.write_bytes(content)
        assert recent_projects() == {}
    open_in(make_dock(), project.root)
    assert remembered(project.root).rater == "Anna"


def test_next_and_previous_keep_the_grey_values_and_the_plane(qtbot, view, read_case, empty_viewer):
    read = read_case(view)
    read.layers.images[0].contrast_limits = (12, 70)
    empty_viewer.dims.order = (1, 0, 2)
    view.page.head.next.click()
    qtbot.waitUntil(
        lambda: view.page.read is not None and view.page.read.opened.record.case == SECOND, timeout=10_000
    )
    assert tuple(view.page.read.layers.images[0].contrast_limits) == (12, 70)
    assert empty_viewer.dims.order == (1, 0, 2)
    shape = view.page.read.labels.data.shape
    assert view.page.read.view.slice_in_view() == (1, shape[1] // 2)
    view.page.head.next.click()
    assert "last case" in view.page.message.text()
    view.page.head.previous.click()
    qtbot.waitUntil(
        lambda: view.page.read is not None and view.page.read.opened.record.case == FIRST, timeout=10_000
    )


def test_a_case_opens_at_the_first_slice_with_something(view, read_case, paint):
    paint(read_case(view), (21, 20, 16))
    read_case(view, SECOND)
    assert read_case(view).view.slice_in_view() == (0, 21)


def test_finishing_asks_about_what_was_forgotten_freezes_and_proposes_the_next(
    view, read_case, paint, saved, finish, project
):
    read = read_case(view)
    paint(read, (10, 20, 16))
    saved(view.page)
    assert "Lesion 2 is not rated for Subtlety, " in finish(view.page)
    assert not read.labels.editable
    assert read.labels.mode == "pan_zoom"
    assert read.labels.keymap == {}
    assert f"Read {SECOND}" in view.page.finishing.buttons
    (done,) = reads_of(project, FIRST, by="Anna")
    assert np.array_equal(done.mask().data, read.labels.data)


def test_an_empty_read_says_that_nothing_was_seen(view, read_case, finish):
    read_case(view)
    assert "you saw nothing" in finish(view.page)


def test_the_last_case_leads_back_to_the_list(qtbot, view, read_case, finish, states):
    read_case(view)
    finish(view.page)
    view.page.finishing.buttons[f"Read {SECOND}"].click()
    qtbot.waitUntil(
        lambda: view.page.read is not None and view.page.read.opened.record.case == SECOND, timeout=10_000
    )
    finish(view.page)
    assert "last case to do" in view.page.finishing.text.text()
    view.page.finishing.buttons["Back to the cases"].click()
    qtbot.waitUntil(lambda: states(view) == ["finished", "finished"], timeout=5_000)


@pytest.mark.parametrize(("again", "voxels"), [("Again from this", True), ("Again from empty", False)])
def test_reading_a_finished_case_again_is_a_session_of_its_own(
    qtbot, view, read_case, drawn, finished_by, project, again, voxels
):
    finished_by(project, "Anna", drawn)
    frozen = read_case(view)
    assert frozen.session is None
    assert not frozen.labels.editable
    assert np.array_equal(frozen.labels.data, drawn)
    assert not view.page.line.finish.isEnabled()
    assert not view.page.panel.new.isEnabled()
    view.page.finishing.buttons[again].click()
    qtbot.waitUntil(lambda: view.page.read is not None and view.page.read.session is not None, timeout=10_000)
    assert view.page.read.opened.record.session == 2
    assert view.page.head.name.text() == f"{FIRST} · session 2"
    assert bool(view.page.read.labels.data.any()) == voxels
    (done,) = (read for read in reads_of(project, FIRST, by="Anna") if read.record.session == 1)
    assert np.array_equal(done.mask().data, drawn)


def test_a_blinded_reader_s_viewer_and_files_hold_no_trace_of_the_other(
    qtbot, make_dock, open_in, read_case, paint, saved, finish, project, drawn, finished_by, empty_viewer
):
    finished_by(project, "Anna", drawn)
    theirs = str(project.root / "reads" / FIRST / "Anna")
    opened_files.clear()
    view = open_in(make_dock(), project.root, "Ben")
    read = read_case(view)
    assert view.page.head.phase.text() == "Blinded: the other readers' work is not loaded."
    paint(read, (10, 20, 16))
    saved(view.page)
    for layer in empty_viewer.layers:
        if layer is not read.layers.images[0]:
            assert not np.array_equal(np.asarray(layer.data) > 0, drawn > 0)
    assert (read.labels.data > 0).sum() == (read.labels.data == 2).sum() < 30
    assert len(empty_viewer.layers) == 2
    finish(view.page)
    assert not [path for path in opened_files if path.startswith(theirs)]
    assert [path for path in opened_files if "/reads/" in path]  # the hook did listen


def test_another_reader_at_the_same_computer_takes_the_first_one_s_layers_away(
    qtbot, view, read_case, paint, saved, choose_rater, project, empty_viewer
):
    paint(read_case(view), (10, 20, 16))
    saved(view.page)
    choose_rater(view, "Ben")
    assert view.page.read is None
    assert list(empty_viewer.layers) == []
    read = read_case(view)
    assert not read.labels.data.any()
    assert read.opened.record.rater == "Ben"


def test_the_phase_is_said_once_everybody_has_finished(view, read_case, project, drawn, finished_by, qtbot):
    finished_by(project, "Anna", drawn)
    finished_by(project, "Ben", drawn)
    read_case(view)
    view.page.finishing.buttons["Again from empty"].click()
    qtbot.waitUntil(lambda: view.page.read is not None and view.page.read.session is not None, timeout=10_000)
    assert view.page.head.phase.text().startswith("Unblinded: every reader has finished")


def test_closing_the_project_saves_and_leaves_nothing(
    qtbot, make_dock, open_in, read_case, paint, project, on_disk
):
    dock = make_dock()
    view = open_in(dock, project.root)
    read = read_case(view)
    paint(read, (10, 20, 16))
    drawn = read.labels.data.copy()
    view.leave.click()
    assert dock.view is None
    assert np.array_equal(on_disk(project)[0], drawn)
