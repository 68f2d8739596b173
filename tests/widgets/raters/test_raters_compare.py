"""The page that compares: who may see what, numbers of one case and of all, consensus, export, bad files."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from qtpy.QtWidgets import QApplication

from napari_diffseg.io.dicom import read_dicom
from napari_diffseg.metrics import dice
from napari_diffseg.raters.agreement import agreement
from napari_diffseg.raters.cases import add_case, add_scan
from napari_diffseg.raters.project_document import Protocol
from napari_diffseg.raters.project_reads import reads_in_project
from napari_diffseg.widgets.comparing.export_dialog import ExportDialog

FIRST, SECOND = "hippocampus_148", "hippocampus_017"
DATA = Path(__file__).parents[2] / "data"
HIPPOCAMPUS = DATA / "hippocampus" / "images" / f"{FIRST}.nii.gz"
DICOM = DATA / "dicom"
CT = DICOM / "ct_lung"


@pytest.fixture
def both_finished(finished_by, drawn):
    """Anna finishes the whole hippocampus and Ben all but its lower slices."""

    def finish(project):
        finished_by(project, "Anna", drawn)
        part = drawn.copy()
        part[:16] = 0
        finished_by(project, "Ben", part)
        return drawn > 0, part > 0

    return finish


@pytest.fixture
def look(qtbot):
    """Turn to the page, and wait until it knows the cases."""

    def turn(view, *, owner=False):
        page = view.compare
        view.tabs.setCurrentWidget(page)
        if owner:
            page.head.eyes.setCurrentIndex(page.head.eyes.count() - 1)
            page.head.eyes.activated.emit(page.head.eyes.currentIndex())
            page.head.question.buttons["I am the owner"].click()
        qtbot.waitUntil(lambda: page._looking is None and page.head.cases.count() > 0, timeout=10_000)
        return page

    return turn


@pytest.fixture
def compared(qtbot, look):
    """Compare a case."""

    def go(view, case=FIRST, **eyes):
        page = look(view, **eyes)
        assert page.head.choose(case)
        qtbot.waitUntil(lambda: page.case is not None, timeout=20_000)
        return page

    return go


def listed(page):
    return [page.head.cases.itemText(row) for row in range(page.head.cases.count())]


def test_a_case_that_is_blinded_is_greyed_with_the_reason(view, look, project, finished_by, drawn):
    finished_by(project, "Anna", drawn)
    page = look(view)
    assert listed(page) == [
        f"{FIRST} – blinded, waits for 1 of 2 readers",
        f"{SECOND} – blinded, waits for 2 of 2 readers",
    ]
    assert not page.head.choose(FIRST)
    assert page.head.nothing.text().startswith("No case can be compared yet")


def test_the_owner_is_asked_before_anything_is_shown(view, look, project, both_finished):
    both_finished(project)
    page = look(view)
    page.head.eyes.setCurrentIndex(1)
    page.head.eyes.activated.emit(1)
    assert page.head.by == "Anna"
    page.head.question.buttons["No"].click()
    assert page.head.by == "Anna"
    assert page.head.eyes.currentText() == "Anna"


def test_a_rater_sees_the_others_as_numbers_and_the_owner_sees_names(
    view, compared, look, qtbot, project, both_finished
):
    both_finished(project)
    page = compared(view)
    assert page.legend.readers[0].text() == "Anna (you)"
    assert page.case.found.reads.raters[1] in ("reader 1", "reader 2")
    look(view, owner=True)
    assert page.case is None
    page.head.choose(FIRST)
    qtbot.waitUntil(lambda: page.case is not None, timeout=20_000)
    assert page.case.found.reads.raters == ("Anna", "Ben")


def test_the_numbers_are_those_of_a_direct_computation(view, compared, project, both_finished):
    anna, ben = both_finished(project)
    page = compared(view, owner=True)
    ((pair, shown_dice, _, hd95, difference),) = page.agreement.pairs.texts()
    assert (pair, shown_dice) == ("Anna – Ben", f"{float(dice(anna, ben)):.2f}")
    direct = agreement(reads_in_project(project, FIRST), ["nodule"])
    assert hd95 == f"{direct.structures[0].pairs[0].hd95_mm:.1f}"
    assert difference == f"+{(anna.sum() - ben.sum()) / 1000:.3f}"
    assert f"κ {direct.structures[0].kappa:.2f}" in page.agreement.chance.text()
    assert "10 mm on every side" in page.agreement.chance.toolTip()
    votes, box = page.case.layers.votes.data, direct.box.slices
    assert np.array_equal(votes, (anna.astype(int) + ben)[box])


def test_a_click_on_the_curve_and_one_on_a_lesion_go_there(view, compared, project, both_finished):
    both_finished(project)
    page = compared(view)
    page.agreement.curve.go_to(11.7)
    assert page.case.layers.slice_in_view() == 12
    assert page.agreement.curve._here.value() == 12
    page.agreement.lesions.selectRow(0)
    assert page.case.layers.slice_in_view() == page.agreement._places[0][0]


def test_all_cases_give_means_with_intervals(qtbot, view, look, project, both_finished, finished_by):
    both_finished(project)
    empty = np.zeros(project.scan(SECOND).grid.shape, dtype=np.uint8)
    for rater in ("Anna", "Ben"):
        finished_by(project, rater, empty, case=SECOND)
    page = look(view)
    assert page.head.cases.itemText(0) == "All cases (2)"
    page.head.choose_all()
    qtbot.waitUntil(lambda: page._all is not None, timeout=20_000)
    rows = {row[0]: row[1:] for row in page.agreement.all_cases.texts()}
    first = page._all.summary.structures[0].dice
    assert rows["Dice"] == (f"{first.mean:.2f}", f"{first.low:.2f} to {first.high:.2f}")
    assert rows["HD95 (mm)"][1] == "–"  # of a single case
    assert not page.tabs.isTabVisible(1)


@pytest.fixture
def both_read_again(both_finished, finished_by):
    """Anna and Ben finish their reads, and then a second session each."""

    def finish(project):
        anna, _ = both_finished(project)
        less = np.where(anna, 2, 0).astype("u1")
        less[20:] = 0
        finished_by(project, "Anna", less)
        finished_by(project, "Ben", less)
        return anna, less > 0

    return finish


def test_a_reader_s_sessions_are_held_against_one_another(
    qtbot, view, compared, look, project, both_read_again
):
    first, second = both_read_again(project)
    page = compared(view)
    ((which, shown, *_),) = page.agreement.sessions.texts()  # Ben's are not Anna's to see
    assert (which, shown) == ("Anna, 1 – 2", f"{float(dice(first, second)):.2f}")
    look(view, owner=True)
    page.head.choose(FIRST)
    qtbot.waitUntil(lambda: page.case is not None, timeout=20_000)
    assert [row[0] for row in page.agreement.sessions.texts()] == ["Anna, 1 – 2", "Ben, 1 – 2"]
    ((pair, shown, *_),) = page.agreement.pairs.texts()  # which their first sessions make
    assert (pair, shown) != ("Anna – Ben", "1.00")


def test_readers_of_one_session_have_none_to_compare(view, compared, project, both_finished):
    both_finished(project)
    assert compared(view).agreement.sessions.isHidden()


def test_all_cases_tell_how_far_a_reader_s_sessions_agree(
    qtbot, view, look, project, both_read_again, finished_by
):
    first, second = both_read_again(project)
    empty = np.zeros(project.scan(SECOND).grid.shape, dtype=np.uint8)
    for rater in ("Anna", "Ben", "Anna"):
        finished_by(project, rater, empty, case=SECOND)
    page = look(view)
    page.head.choose_all()
    qtbot.waitUntil(lambda: page._all is not None, timeout=20_000)
    rows = {row[0]: row[1] for row in page.agreement.all_cases.texts()}
    assert rows["Dice, Anna’s sessions"] == f"{(float(dice(first, second)) + 1) / 2:.2f}"
    assert "Dice, Ben’s sessions" not in rows


def test_staple_tells_each_reader_s_sensitivity_and_warns_of_an_empty_read(
    qtbot, view, compared, project, finished_by, drawn
):
    finished_by(project, "Anna", drawn)
    finished_by(project, "Ben", np.zeros_like(drawn))
    page = compared(view, owner=True)
    panel = page.consensus
    assert "saw nothing" in panel.empty.text()
    panel.way.choose("staple")
    panel.make.click()
    qtbot.waitUntil(lambda: bool(panel.volumes.text()), timeout=10_000)
    assert [row[0] for row in panel.trust.texts()] == ["Anna", "Ben"]
    assert "1 of 2 reads are empty" in panel.warning.text()


def test_reads_without_a_mark_can_be_left_out_and_the_page_says_so(
    make_dock, open_in, compared, new_project, finished_by, drawn
):
    project = new_project(protocol=Protocol(empty_reads="left out"))
    finished_by(project, "Anna", drawn)
    finished_by(project, "Ben", np.zeros_like(drawn))
    page = compared(open_in(make_dock(), project.root), owner=True)
    assert page.agreement.left_out.text() == "Left out, as they marked nothing: Ben."
    assert page.agreement.pairs.texts() == []
    assert "left out" in page.consensus.empty.text()


def test_the_soft_mean_is_a_map_of_the_structure_that_is_chosen(
    qtbot, view, compared, project, both_finished
):
    anna, ben = both_finished(project)
    page = compared(view)
    page.consensus.way.choose("mean")
    page.consensus.make.click()
    qtbot.waitUntil(lambda: bool(page.consensus.volumes.text()), timeout=10_000)
    layer = page.case.layers._extra["share of readers"]
    expected = ((anna.astype(float) + ben) / 2)[page.case.found.agreement.box.slices]
    assert np.allclose(layer.data, expected)


def test_comparing_and_reading_take_turns_in_the_viewer(
    view, compared, read_case, empty_viewer, project, both_finished
):
    both_finished(project)
    read_case(view, SECOND)
    page = compared(view)
    assert view.page.read is None
    assert {layer.name.split(" ")[0] for layer in empty_viewer.layers} == {FIRST, "agreement", "readers"}
    read_case(view, SECOND)
    assert page.case is None
    assert [layer.name for layer in empty_viewer.layers] == [SECOND, f"read · {SECOND}"]


def test_deleting_the_scan_ends_the_comparison(view, compared, empty_viewer, project, both_finished):
    both_finished(project)
    page = compared(view)
    empty_viewer.layers.remove(page.case.layers.images[0])
    QApplication.processEvents()
    assert page.case is None
    assert list(empty_viewer.layers) == []


@pytest.mark.parametrize("name", ["mask.nii.gz", "lesions.json", "read.json"])
def test_a_damaged_read_is_said_in_a_sentence(qtbot, view, look, project, both_finished, name):
    both_finished(project)
    page = look(view, owner=True)
    (project.root / "reads" / FIRST / "Ben" / "001" / name).write_bytes(b"no such thing")
    page.head.choose(FIRST)
    qtbot.waitUntil(lambda: "Ben" in page.message.text(), timeout=10_000)
    assert page.case is None


def asked_to_export(page):
    page.export.click()
    page.head.question.buttons["I am the owner"].click()
    return page.findChildren(ExportDialog)[-1]


def export_to(page, qtbot, folder, name, dicom=None):
    dialog = asked_to_export(page)
    dialog.use_folder(folder)
    dialog.use_dicom(dicom)
    dialog.name.setText(name)
    dialog.export_.click()
    qtbot.waitUntil(lambda: dialog.bar.isHidden(), timeout=30_000)
    said = dialog.message.text()
    dialog.reject()
    return said


def test_an_export_into_a_folder_that_is_there_is_refused(
    qtbot, view, look, project, both_finished, tmp_path
):
    both_finished(project)
    (tmp_path / "taken").mkdir()
    said = export_to(look(view), qtbot, tmp_path, "taken")
    assert said == f"{tmp_path / 'taken'} is there already. Choose the name of a new folder."
    assert list((tmp_path / "taken").iterdir()) == []


def test_an_export_of_nothing_is_refused(qtbot, view, look, tmp_path):
    assert "nothing to export" in export_to(look(view), qtbot, tmp_path, "new")
    assert not (tmp_path / "new").exists()


@pytest.fixture
def many_read(make_dock, open_in, look, new_project, finished_by, drawn):
    """Turns to the page of a project of twelve cases that Anna has read."""

    def turn():
        project = new_project(cases=())
        for number in range(12):
            project = add_case(project, f"case-{number:02d}", HIPPOCAMPUS)
            finished_by(project, "Anna", drawn, case=f"case-{number:02d}")
        return look(open_in(make_dock(), project.root))

    return turn


def test_an_export_tells_how_far_it_is_and_keeps_the_window_alive(qtbot, many_read, tmp_path):
    page, seen = many_read(), []
    dialog = asked_to_export(page)
    dialog.bar.valueChanged.connect(lambda done: seen.append((done, dialog.bar.maximum())))
    dialog.use_folder(tmp_path)
    dialog.name.setText("new")
    dialog.export_.click()
    assert dialog.export_.text() == "Cancel"
    assert not dialog.place.isEnabled()
    qtbot.waitUntil(lambda: dialog.bar.isHidden(), timeout=30_000)
    assert (12, 12) in seen
    assert len(seen) > 6
    assert dialog.message.text() == f"12 reads of 12 cases saved in {tmp_path / 'new'}."
    assert dialog.export_.text() == "Export"
    dialog.reject()


def test_a_cancelled_export_leaves_nothing_and_can_be_begun_again(qtbot, many_read, tmp_path):
    dialog = asked_to_export(many_read())
    dialog.bar.valueChanged.connect(lambda done: done == 2 and dialog.export_.click())
    dialog.use_folder(tmp_path / "out")
    (tmp_path / "out").mkdir()
    dialog.name.setText("new")
    dialog.export_.click()
    dialog.reject()
    assert dialog.message.text() == "Still exporting. Wait, or cancel it first."
    qtbot.waitUntil(lambda: dialog.bar.isHidden(), timeout=30_000)
    assert dialog.message.text() == "Cancelled; nothing was written."
    assert list((tmp_path / "out").iterdir()) == []
    dialog.bar.valueChanged.disconnect()
    dialog.export_.click()
    qtbot.waitUntil(lambda: "saved in" in dialog.message.text(), timeout=30_000)
    dialog.reject()


@pytest.fixture
def read_ct(make_dock, open_in, look, new_project, finished_by):
    """Turns to the page of a project whose case was made from a DICOM series; Anna has read it."""

    def turn():
        scan = read_dicom(CT)
        project = add_scan(new_project(cases=()), "chest", scan)
        mask = np.zeros(scan.grid.shape, dtype=np.uint8)
        mask[1:4, 10:20, 12:40] = 2
        finished_by(project, "Anna", mask, case="chest")
        return look(open_in(make_dock(), project.root)), mask > 0

    return turn


def test_an_export_with_the_dicom_series_writes_segmentations_of_it(qtbot, read_ct, tmp_path):
    page, marked = read_ct()
    said = export_to(page, qtbot, tmp_path, "new", dicom=CT)
    assert said == f"1 read of 1 case saved in {tmp_path / 'new'}."
    found = pydicom.dcmread(tmp_path / "new" / "chest" / "Anna.dcm")
    source = pydicom.dcmread(next(CT.iterdir()))
    assert found.Modality == "SEG"
    assert found.StudyInstanceUID == source.StudyInstanceUID
    assert sorted(found.pixel_array.sum(axis=(1, 2))) == sorted(marked.sum(axis=(1, 2)))


def test_an_export_with_another_series_says_so_and_writes_the_rest(qtbot, read_ct, tmp_path):
    page, _ = read_ct()
    said = export_to(page, qtbot, tmp_path, "new", dicom=DICOM / "mr_sagittal")
    assert "chest: No DICOM series lies where the mask does" in said
    assert {path.name for path in (tmp_path / "new" / "chest").iterdir()} == {
        "Anna.nii.gz",
        "consensus.nii.gz",
    }


def test_an_export_from_a_dicom_folder_that_is_gone_is_refused(qtbot, read_ct, tmp_path):
    page, _ = read_ct()
    assert "There is no folder" in export_to(page, qtbot, tmp_path, "new", dicom=tmp_path / "gone")
    assert not (tmp_path / "new").exists()


def test_comparing_fits_a_small_screen_without_a_scroll_bar(
    qtbot, make_napari_viewer, open_in, compared, project, both_finished
):
    both_finished(project)
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 800)
    _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Raters")
    page = compared(open_in(dock, project.root))
    area = page.layout().itemAt(0).widget()
    for panel in (page.agreement, page.consensus, page.model):
        page.turn_to(panel)
        qtbot.wait(200)
        assert area.verticalScrollBar().maximum() == 0, panel
        assert area.widget().minimumSizeHint().width() <= 344
    assert viewer.window._qt_window.height() <= 800
