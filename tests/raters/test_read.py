"""What a rater draws is there the next time; what is finished stays as it is."""

from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io import read_volume
from napari_diffseg.io.nifti import read_labels
from napari_diffseg.raters.finished_read import reads_of
from napari_diffseg.raters.opening import open_read
from napari_diffseg.raters.read_record import StartedFrom, sessions
from napari_diffseg.volume import Box

CASE = "hippocampus_148"
RATINGS = {"subtlety": 5, "internalStructure": 1, "calcification": 6, "sphericity": 4, "margin": 5}
MEMBER = StartedFrom(checkpoint="head-hippocampus", sha256="ab" * 32, member=3, seed=7, lesion=2)


def files(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def session(project, number=1, rater="Anna"):
    return project.root / "reads" / CASE / rater / f"{number:03d}"


def test_a_stroke_is_there_when_the_read_is_opened_again(project, drawn):
    with open_read(project, CASE, "Anna") as read:
        data = read.mask()
        assert not data.any()
        data[:] = drawn
        box = read.record(data)
        assert np.array_equal(drawn[box.slices].any(), True)
        assert read.record(data) is None
    with open_read(project, CASE, "Anna") as read:
        assert np.array_equal(read.mask(), drawn)
        assert (read.facts.session, read.note) == (1, "")


def test_the_mask_lies_on_the_scan_as_other_programs_read_it(project, drawn, finished_by, crop_path):
    finished_by(project, "Anna", drawn)
    mask, scan = read_labels(session(project) / "mask.nii.gz"), read_volume(crop_path)
    assert mask.grid.matches(scan.grid)
    assert np.array_equal(mask.data, drawn)
    assert mask.origin.shape == scan.origin.shape


def test_painting_with_a_new_number_makes_a_lesion(project, drawn):
    with open_read(project, CASE, "Anna") as read:
        data = read.mask()
        data[:] = drawn
        read.record(data)
        assert [(lesion.number, lesion.kind, lesion.label) for lesion in read.lesions] == [
            (2, "nodule", 1),
            (3, "nodule", 1),
        ]


def test_a_lesion_that_the_disk_refused_is_made_at_the_next_call(project, drawn):
    with open_read(project, CASE, "Anna") as read:
        lesions = session(project) / "lesions.json"
        before = lesions.read_bytes()
        lesions.unlink()
        lesions.mkdir()  # nothing can be put in its place
        data = read.mask()
        data[:] = drawn
        with pytest.raises(RaterProjectError, match=r"lesions\.json could not be saved"):
            read.record(data)
        lesions.rmdir()
        lesions.write_bytes(before)
        read.record(data)
        assert [lesion.number for lesion in read.lesions] == [2, 3]


def test_painting_a_class_makes_no_lesion(project):
    with open_read(project, CASE, "Anna") as read:
        data = read.mask()
        data[3:5, 3:5, 3:5] = 1
        read.record(data)
        assert read.lesions == ()


def test_a_stroke_outside_the_told_box_is_found_by_the_next_whole_look(project):
    with open_read(project, CASE, "Anna") as read:
        data = read.mask()
        data[2, 3, 4] = data[20, 21, 22] = 1
        near, far = Box((0, 0, 0), (10, 10, 10)), Box((20, 21, 22), (21, 22, 23))
        assert read.record(data, box=near) == Box((2, 3, 4), (3, 4, 5))
        assert read.record(data) == far


def test_a_removed_lesion_comes_back_with_every_voxel(project, drawn):
    with open_read(project, CASE, "Anna") as read:
        data = read.mask()
        data[:] = drawn
        read.record(data)
        read.change_lesion(read.lesions[0].model_copy(update={"ratings": RATINGS}))
        read.remove_lesion(2, data)
        assert set(np.unique(data)) == {0, 3}
        assert [lesion.number for lesion in read.lesions] == [3]
    with open_read(project, CASE, "Anna") as read:  # also after closing
        data = read.mask()
        assert set(np.unique(data)) == {0, 3}
        read.restore_lesion(2, data)
        assert np.array_equal(data, drawn)
        assert np.array_equal(read.mask(), drawn)
        assert (read.lesions[0].number, read.lesions[0].ratings) == (2, RATINGS)


def test_a_removed_lesion_does_not_cover_what_was_drawn_since(project, drawn):
    with open_read(project, CASE, "Anna") as read:
        data = read.mask()
        data[:] = drawn
        read.remove_lesion(2, data)
        spot = tuple(np.argwhere(drawn == 2)[0])
        data[spot] = 3
        read.restore_lesion(2, data)
        assert data[spot] == 3
        assert np.count_nonzero(data == 2) == np.count_nonzero(drawn == 2) - 1


def test_the_viewers_undo_brings_a_removed_lesion_back(project, drawn):
    with open_read(project, CASE, "Anna") as read:
        data = read.mask()
        data[:] = drawn
        read.remove_lesion(2, data)
        data[:] = drawn  # as undo does, without telling
        read.record(data)
        assert [lesion.number for lesion in read.lesions] == [2, 3]
        assert read.removed_lesions == ()


def test_a_number_is_never_given_twice(project, drawn):
    with open_read(project, CASE, "Anna") as read:
        first = read.add_lesion("nodule")
        read.remove_lesion(first.number, read.mask())
        assert read.add_lesion("nodule").number == first.number + 1
        points = [read.add_lesion("non-nodule", voxel=(1, 2, at)).number for at in range(2)]
        assert points == [256, 257]


def test_a_point_is_removed_and_comes_back(project):
    with open_read(project, CASE, "Anna") as read:
        point, data = read.add_lesion("small nodule", voxel=(1, 2, 3)), read.mask()
        read.remove_lesion(point.number, data)
        assert read.lesions == ()
        read.restore_lesion(point.number, data)
        assert read.lesions == (point,)


def test_what_may_have_been_forgotten_is_told_before_finishing(project):
    with open_read(project, CASE, "Anna") as read:
        lesion = read.add_lesion("nodule")
        read.add_lesion("non-nodule", voxel=(1, 2, 3))
        read.change_lesion(lesion.model_copy(update={"ratings": RATINGS}))
        assert read.concerns() == (
            "Lesion 2 has no voxel.",
            "Lesion 2 is not rated for Lobulation, Spiculation, Texture, Malignancy.",
        )


def test_a_finished_read_is_never_written_again(project, drawn, finished_by):
    with open_read(project, CASE, "Anna") as read:
        data = read.mask()
        data[:] = drawn
        record = read.finish(data)
        assert (record.status, read.editable) == ("finished", False)
        before = files(session(project))
        assert {path.name for path in before} == {"mask.nii.gz", "lesions.json", "read.json"}
        for change in (
            lambda: read.record(data),
            lambda: read.add_lesion("nodule"),
            lambda: read.beat(1.0),
            lambda: read.remove_lesion(2, data),
            lambda: read.finish(data),
        ):
            with pytest.raises(RaterProjectError, match="finished or closed"):
                change()
    with open_read(project, CASE, "Anna") as read:
        assert read.facts.session == 2
        assert not read.mask().any()
        read.record(drawn.copy())
    assert files(session(project)) == before


def test_a_new_session_may_start_from_the_finished_one(project, drawn, finished_by):
    finished_by(project, "Anna", drawn)
    with open_read(project, CASE, "Anna", start="finished") as read:
        assert np.array_equal(read.mask(), drawn)
        assert [lesion.number for lesion in read.lesions] == [2, 3]
        assert (read.facts.from_session, read.facts.phase) == (1, "blinded")


def test_starting_from_a_finished_read_needs_one(project):
    with pytest.raises(RaterProjectError, match="has finished no read of hippocampus_148"):
        open_read(project, CASE, "Anna", start="finished")


def test_active_seconds_add_up_over_openings(project):
    for _ in range(2):
        with open_read(project, CASE, "Anna") as read:
            for _ in range(3):
                read.beat(1.5)
    assert sessions(project, CASE, "Anna")[0].active_seconds == 9.0


def test_a_models_answer_as_a_start_is_forbidden_while_blinded(project, drawn):
    with open_read(project, CASE, "Anna") as read:
        assert not read.may_start_from_member
        with pytest.raises(RaterProjectError, match="protocol does not let"):
            read.start_from_member(drawn, MEMBER)
        assert not read.mask().any()


def test_a_models_answer_as_a_start_is_always_recorded(new_project, drawn):
    from napari_diffseg.raters.project_document import Protocol

    project = new_project(protocol=Protocol(allow_start_from_member=True))
    with open_read(project, CASE, "Anna") as read:
        read.start_from_member(drawn.copy(), MEMBER)
        assert np.array_equal(read.mask(), drawn)
    assert sessions(project, CASE, "Anna")[0].started_from == (MEMBER,)


def test_only_raters_of_the_case_may_read_it(project):
    with pytest.raises(RaterProjectError, match="“Carol” does not read hippocampus_148 in “Study”"):
        open_read(project, CASE, "Carol")


def test_a_mask_of_another_shape_is_refused(project):
    with open_read(project, CASE, "Anna") as read, pytest.raises(RaterProjectError, match="2 × 3 × 4 voxels"):
        read.record(np.zeros((2, 3, 4), dtype=np.uint8))


def test_times_are_utc_and_versions_are_told(project, drawn, finished_by):
    record = finished_by(project, "Anna", drawn)
    assert record.started.utcoffset().total_seconds() == 0
    assert record.started <= record.saved <= record.finished
    assert {"napari-diffseg", "python", "numpy"} <= set(record.versions)
    assert '"finished": "20' in (session(project) / "read.json").read_text()


def test_a_read_that_cannot_be_begun_leaves_nothing(project):
    in_the_way = project.root / "reads" / CASE / "Anna"
    in_the_way.parent.mkdir()
    in_the_way.touch()
    with pytest.raises(RaterProjectError, match="could not be saved"):
        open_read(project, CASE, "Anna")
    assert list(in_the_way.parent.iterdir()) == [in_the_way]


def test_a_finished_mask_that_was_changed_since_is_refused(project, drawn, finished_by):
    finished_by(project, "Anna", drawn)
    finished_by(project, "Anna", drawn * 0)
    (session(project) / "mask.nii.gz").write_bytes((session(project, 2) / "mask.nii.gz").read_bytes())
    with pytest.raises(RaterProjectError, match="changed after the read was finished"):
        reads_of(project, CASE, by=None)[0].mask()


def test_finished_lesions_that_were_changed_since_are_refused(project, drawn, finished_by):
    finished_by(project, "Anna", drawn)
    path = session(project) / "lesions.json"
    path.write_text(path.read_text().replace('"label": 1', '"label":  1', 1))
    with pytest.raises(RaterProjectError, match=r"lesions\.json was changed after"):
        reads_of(project, CASE, by=None)[0].lesions()


def test_classes_of_a_finished_read_are_those_of_its_lesions(new_project, drawn):
    project = new_project(labels=("benign", "malignant"))
    with open_read(project, CASE, "Anna") as read:
        data = np.where(drawn, drawn + 1, 0).astype(np.uint8)  # lesions 3 and 4, above two classes
        data[0, 0, 0] = 2
        read.record(data)
        read.change_lesion(read.lesions[1].model_copy(update={"label": 2}))
        read.finish(data)
    (found,) = reads_of(project, CASE, by="Anna")
    classes = found.class_mask().data
    assert np.array_equal(classes == 1, drawn == 2)
    assert np.array_equal(classes == 2, (drawn == 3) | (data == 2))


def test_a_note_that_could_not_be_read_again_is_refused(project):
    with open_read(project, CASE, "Anna") as read:
        lesion = read.add_lesion("nodule")
        with pytest.raises(RaterProjectError, match=r"cannot hold what it should at “lesions\.0\.note”"):
            read.change_lesion(lesion.model_copy(update={"note": "x" * 20_000}))
        assert read.lesions == (lesion,)
    with open_read(project, CASE, "Anna") as read:
        assert read.lesions == (lesion,)


def test_a_session_that_was_moved_away_gives_its_number_to_nobody(project, drawn, finished_by):
    for _ in range(2):
        finished_by(project, "Anna", drawn)
    session(project).rename(project.root.parent / "aside")
    assert finished_by(project, "Anna", drawn).session == 3
