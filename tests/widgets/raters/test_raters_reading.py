"""Reading a case in the dock: drawing, lesions, ratings, points, tools, and what is saved."""

import json

import numpy as np
import pytest
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_diffseg.raters.opening import open_read
from napari_diffseg.widgets.reading.read_keys import OWN_KEYS, KeySheet

CASE = "hippocampus_148"


def settle(page, saved):
    saved(page)
    page.panel.show_lesions()


def test_painting_makes_a_lesion_that_is_listed_and_saved(view, read_case, paint, saved, project, on_disk):
    read = read_case(view)
    paint(read, (10, 20, 16))
    saved(view.page)
    (row,) = read.rows()
    expected = np.count_nonzero(read.labels.data == 2) / 1000
    assert (row.number, row.what, row.rated) == (2, "nodule", "0 of 9")
    assert row.size == f"{expected:.3f} ml"
    assert view.page.line.saved.text().startswith("Saved ")
    drawn = read.labels.data.copy()
    view.page.close_case()
    mask, (lesion,) = on_disk(project)
    assert np.array_equal(mask, drawn)
    assert lesion.number == 2


def test_undo_and_redo_are_saved_and_saving_leaves_undo_alone(
    view, read_case, paint, saved, project, on_disk
):
    read = read_case(view)
    paint(read, (10, 20, 16))
    first = read.labels.data.copy()
    saved(view.page)
    paint(read, (12, 20, 16))
    saved(view.page)
    read.labels.undo()
    saved(view.page)
    assert np.array_equal(read.session.read.mask(), first)
    read.labels.redo()
    saved(view.page)
    assert np.array_equal(read.session.read.mask(), read.labels.data)
    read.labels.undo()
    view.page.close_case()  # what was done a moment before is saved too
    assert np.array_equal(on_disk(project)[0], first)


def test_a_long_stroke_is_saved_before_it_ends(qtbot, view, read_case):
    read = read_case(view)
    with read.labels.block_history():  # as napari does from press to release
        read.labels.paint((10, 20, 16), 2)
        qtbot.waitUntil(lambda: read.session.read.mask().any(), timeout=2_000)


def test_ratings_are_given_by_digits_and_saved(qtbot, view, read_case, paint, saved, project, on_disk):
    read = read_case(view)
    paint(read, (10, 20, 16))
    saved(view.page)
    boxes = list(view.page.panel.form.ratings.boxes.values())
    for box, digit in zip(boxes, "519345234", strict=True):
        qtbot.keyClicks(box, digit)
    saved(view.page)
    assert boxes[2].value is None  # 9 is not on the scale of calcification
    assert read.rows()[0].rated == "8 of 9"
    assert read.rows()[0].open == ("Calcification",)
    assert read.labels.mode == "paint"  # where 5 would have taken another tool
    qtbot.keyClick(boxes[0], Qt.Key.Key_Backspace)
    view.page.close_case()
    ratings = on_disk(project)[1][0].ratings
    assert "subtlety" not in ratings
    assert ratings["internalStructure"] == 1
    assert ratings["malignancy"] == 4


def test_scrolling_over_a_question_does_not_answer_it(qtbot, view, read_case, paint, saved):
    from qtpy.QtCore import QPoint, QPointF
    from qtpy.QtGui import QWheelEvent

    read = read_case(view)
    paint(read, (10, 20, 16))
    saved(view.page)
    box = view.page.panel.form.ratings.boxes["margin"]
    none = Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    wheel = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, -120), Qt.MouseButton.NoButton, *none, False
    )
    QApplication.sendEvent(box, wheel)
    assert box.value is None


def test_a_note_that_is_being_typed_belongs_to_its_lesion(view, read_case, paint, saved, project, on_disk):
    read = read_case(view)
    paint(read, (10, 20, 16), number=2)
    paint(read, (20, 20, 16), number=3)
    saved(view.page)
    view.page.panel.take(2)
    view.page.panel.form.note.setText("near the vessel")
    view.page.panel.take(3)
    assert view.page.panel.form.note.text() == ""
    view.page.close_case()
    assert [lesion.note for lesion in on_disk(project)[1]] == ["near the vessel", ""]


def test_the_list_and_the_brush_follow_one_another(qtbot, view, read_case, paint, saved):
    read = read_case(view)
    paint(read, (10, 20, 16), number=2)
    paint(read, (20, 20, 16), number=3)
    saved(view.page)
    table = view.page.panel.table
    table.cellClicked.emit(0, 1)
    assert read.labels.selected_label == 2
    assert read.view.slice_in_view() == (0, 10)
    read.labels.selected_label = 3
    assert table.selectedItems()[0].text() == "3"
    view.page.panel.step(1)
    assert read.in_hand == 2


def test_a_new_lesion_gets_the_next_number_and_is_painted_before_another(view, read_case, paint, saved):
    read = read_case(view)
    paint(read, (10, 20, 16))
    view.page.panel.add()  # before the stroke was saved
    saved(view.page)
    assert read.in_hand == read.labels.selected_label == 3
    view.page.panel.add()
    saved(view.page)
    assert view.page.panel.table.numbers() == [2, 3]
    assert "still empty" in view.page.message.text()


def test_a_deleted_lesion_is_asked_about_erased_and_comes_back(view, read_case, paint, saved):
    read, panel = read_case(view), view.page.panel
    paint(read, (10, 20, 16), number=2)
    paint(read, (20, 20, 16), number=3)
    saved(view.page)
    drawn = read.labels.data.copy()
    panel.take(2)
    panel.ask_delete()
    assert "Delete lesion 2 (nodule, " in panel.question.text.text()
    panel.question.buttons["Keep"].click()
    assert np.array_equal(read.labels.data, drawn)
    panel.ask_delete()
    panel.question.buttons["Delete"].click()
    saved(view.page)
    assert not (read.labels.data == 2).any()
    assert panel.table.numbers() == [3]
    panel.question.buttons["Undo"].click()
    saved(view.page)
    assert np.array_equal(read.labels.data, drawn)
    assert panel.table.numbers() == [2, 3]


def test_control_z_brings_a_deleted_lesion_back_with_its_ratings(view, read_case, paint, saved):
    read, panel = read_case(view), view.page.panel
    paint(read, (10, 20, 16))
    saved(view.page)
    panel.form.ratings.boxes["margin"].setCurrentIndex(2)
    panel.form.ratings.boxes["margin"].answered.emit()
    panel.ask_delete()
    panel.question.buttons["Delete"].click()
    saved(view.page)
    assert read.lesions == ()
    read.labels.undo()
    saved(view.page)
    assert read.lesions[0].ratings == {"margin": 3}
    assert np.array_equal(read.session.read.mask(), read.labels.data)


def test_a_click_marks_a_point_and_paints_nothing(view, read_case, saved, project, on_disk, empty_viewer):
    read = read_case(view)
    view.page.panel.begin_point(project.document.form.kind("non-nodule"))
    assert read.labels.mode == "pan_zoom"
    click(empty_viewer, read, (10, 20, 16))
    saved(view.page)
    assert read.labels.mode == "paint"
    assert not read.labels.data.any()
    assert read.layers.points.data.tolist() == [[10, 20, 16]]
    view.page.close_case()
    (lesion,) = on_disk(project)[1]
    assert (lesion.kind, lesion.voxel, lesion.number) == ("non-nodule", (10, 20, 16), 256)


def test_a_click_beside_the_scan_marks_nothing_and_waits_on(view, read_case, empty_viewer):
    read = read_case(view)
    view.page.panel.begin_point()
    click(empty_viewer, read, (10, 400, 16))
    assert read.placing.is_waiting
    assert "outside the scan" in view.page.panel.hint.text()
    view.page.panel.begin_point()
    assert not read.placing.is_waiting


def test_a_point_s_kind_can_be_changed_and_is_not_rated(view, read_case, saved, empty_viewer):
    read, form = read_case(view), view.page.panel.form
    view.page.panel.begin_point()
    click(empty_viewer, read, (10, 20, 16))
    saved(view.page)
    assert [form.kind.itemText(place) for place in range(form.kind.count())] == ["small nodule", "non-nodule"]
    assert form.ratings.boxes["margin"].isHidden()
    form.kind.setCurrentIndex(1)
    form.kind.activated.emit(1)
    saved(view.page)
    assert read.lesions[0].kind == "non-nodule"


def test_lesions_of_several_classes_say_which_they_are(
    qtbot, make_dock, open_in, new_project, read_case, paint, saved
):
    project = new_project(labels=("tumour", "cyst"))
    view = open_in(make_dock(), project.root)
    read = read_case(view)
    assert read.in_hand == 3
    paint(read, (10, 20, 16), number=3)
    paint(read, (20, 20, 16), number=1)
    saved(view.page)
    assert [row.what for row in read.rows()] == ["tumour, no lesion", "nodule, tumour"]
    view.page.panel.take(3)
    view.page.panel.form.label.setCurrentIndex(1)
    view.page.panel.form.label.activated.emit(1)
    saved(view.page)
    assert read.rows()[1].what == "nodule, cyst"


def test_tools_work_on_the_lesion_in_hand_and_are_saved(view, read_case, paint, saved):
    read = read_case(view)
    paint(read, (8, 20, 16), size=8)
    paint(read, (12, 20, 16), size=4)
    view.page.tools.buttons["interpolate"].click()
    saved(view.page)
    assert view.page.message.text() == "Filled 3 slices between the drawn ones."
    assert np.array_equal(read.session.read.mask(), read.labels.data)
    assert (read.labels.data == 2).any(axis=(1, 2)).sum() == 5


def test_contour_and_brush_stay_from_case_to_case(view, read_case):
    read = read_case(view)
    view.page.tools.contour.setChecked(True)
    assert read.labels.contour == 1
    following = read_case(view, "hippocampus_017")
    assert following.labels.contour == 1


def test_our_keys_are_none_of_napari_s_and_go_with_the_case(view, read_case):
    for_labels = ("activate_labels", "label", "brush", "polygon", "viewer", "layer", "dims", "toggle", "hold")
    theirs = {
        str(key)
        for name, keys in default_shortcuts.items()
        if any(word in name for word in for_labels) and not any(w in name for w in ("points", "shapes"))
        for key in keys
    }
    assert not theirs & {key.key for key in OWN_KEYS.values()}
    read = read_case(view)
    bound = {str(key) for key in read.labels.keymap}
    assert bound == {key.key for key in OWN_KEYS.values()}
    labels = read.labels
    view.page.close_case()
    assert labels.keymap == {}


def test_the_sheet_lists_our_keys_and_napari_s(qtbot):
    from qtpy.QtWidgets import QLabel

    sheet = KeySheet()
    qtbot.addWidget(sheet)
    told = {label.text() for label in sheet.findChildren(QLabel)}
    assert {key.key for key in OWN_KEYS.values()} <= told
    assert {"2 or P", "Ctrl+Z", "paint"} <= told


def test_active_seconds_are_written_and_go_on_the_next_time(qtbot, view, read_case, project):
    read_case(view)
    view.page.activity.touch()
    qtbot.waitUntil(lambda: view.page.activity.seconds > 1.5, timeout=5_000)
    view.page.close_case()
    with open_read(project, CASE, "Anna") as read:
        assert 1.0 < read.facts.active_seconds < 6.0
    read_case(view)
    assert view.page.activity.seconds > 1.0


def test_time_stops_after_half_a_minute_of_nothing(qtbot, empty_viewer):
    from qtpy.QtCore import QObject

    from napari_diffseg.widgets.reading.rater_activity import Activity

    now, holder = [0.0], QObject()
    activity = Activity(empty_viewer, holder, clock=lambda: now[0])
    activity.restart(100.0)
    for _ in range(40):
        now[0] += 1
        activity.look()
    assert activity.is_idle
    assert activity.seconds == pytest.approx(129.0)
    empty_viewer.dims.events.point()
    for _ in range(10):
        now[0] += 1
        activity.look()
    assert activity.seconds == pytest.approx(139.0)
    now[0] += 3600  # the machine slept
    activity.touch()
    activity.look()
    assert activity.seconds < 142.0
    activity.stop()


def test_deleting_the_layer_saves_and_closes_the_case(view, read_case, paint, project, on_disk, empty_viewer):
    read = read_case(view)
    paint(read, (10, 20, 16))
    drawn = read.labels.data.copy()
    empty_viewer.layers.remove(read.labels)
    assert view.page.read is None
    assert view.tabs.currentWidget() is view.cases
    assert np.array_equal(on_disk(project)[0], drawn)
    assert [layer.name for layer in empty_viewer.layers] == []


def test_the_record_says_what_was_done(view, read_case, paint, project):
    read = read_case(view)
    paint(read, (10, 20, 16))
    view.page.close_case()
    (path,) = (project.root / "reads").rglob("read.json")
    told = json.loads(path.read_text())
    assert (told["case"], told["rater"], told["status"], told["phase"]) == (CASE, "Anna", "open", "blinded")
    assert "napari" in told["versions"]


def click(viewer, read, voxel):
    """A click in the picture, without a canvas."""
    from types import SimpleNamespace

    event = SimpleNamespace(type="mouse_press", position=read.labels.data_to_world(voxel))
    generator = viewer.mouse_drag_callbacks[-1](viewer, event)
    next(generator)
    event.type = "mouse_release"
    for _ in generator:
        pass
