"""Marks on slices: what the sessions of real files come to, and where they lie."""

from dataclasses import replace

import numpy as np
import pytest

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.lidc.marks import marks_of
from napari_diffseg.raters.lidc.message import Nodule, NonNodule, ReadingSession, ReadMessage, Roi
from napari_diffseg.raters.lidc.series import bare_scan, slice_at
from napari_diffseg.volume import Origin
from napari_diffseg.volume.orientation import display_affine


def outlines_of(message):
    """Without points, so that few slices are needed."""
    sessions = (
        ReadingSession(tuple(nodule for nodule in session.nodules if not nodule.is_point), ())
        for session in message.sessions
    )
    return replace(message, sessions=tuple(sessions))


def voxels(marks):
    """Of each session, those of each number."""
    return [
        {
            lesion.number: int((each.mask == lesion.number).sum())
            for lesion in each.lesions
            if lesion.number < 256
        }
        for each in marks
    ]


def square(x, y, edge, z_mm=0.0, nodule_id="1", **ratings):
    corners = ((x, y), (x + edge, y), (x + edge, y + edge), (x, y + edge))
    return Nodule(nodule_id, tuple(ratings.items()), (Roi(z_mm, "1.2.3", True, corners),))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("185/074.xml", [{2: 55}, {2: 32}, {2: 83}, {2: 139}]),
        ("188/259.xml", [{2: 23, 3: 41}, {2: 13, 3: 29}, {}, {2: 31, 3: 53}]),
        ("188/011.xml", [{2: 131}, {2: 113}, {2: 176}, {2: 84}, {}, {}, {}, {}]),
        ("189/110.xml", [{2: 511}, {2: 365}, {2: 339}]),
        ("188/091.xml", [{}, {2: 80}, {2: 81}, {2: 80}]),
        ("189/130.xml", [{2: 89}, {}, {}, {3: 858}]),
        ("185/178.xml", [{2: 5856}, {2: 5350}, {2: 5261}, {2: 7973}]),
    ],
)
def test_one_nodule_has_one_number_in_all_sessions_that_outlined_it(message, name, expected):
    found = outlines_of(message(name))
    marks = marks_of(found, bare_scan("scan", found))
    assert voxels(marks) == expected
    assert not any(each.notes for each in marks)


def test_a_file_of_nothing_but_non_nodules_gives_points(message):
    found = message("187/046.xml")
    marks = marks_of(found, bare_scan("scan", found))
    assert [len(each.lesions) for each in marks] == [5, 6, 7, 1]
    assert {lesion.kind for each in marks for lesion in each.lesions} == {"non-nodule"}
    assert not any(each.mask.any() for each in marks)


def test_points_lie_where_the_file_puts_them_and_have_numbers_of_their_own(message):
    found = message("188/259.xml")
    scan = bare_scan("scan", found)
    marks = marks_of(found, scan)
    small = next(nodule for nodule in found.sessions[0].nodules if nodule.is_point)
    lesion = next(lesion for lesion in marks[0].lesions if lesion.kind == "small nodule")
    (x, y), z_mm = small.rois[0].edge_map[0], small.rois[0].z_mm
    assert scan.grid.affine @ (*lesion.voxel, 1) == pytest.approx((-x, -y, z_mm, 1), abs=0.01)
    numbers = [lesion.number for each in marks for lesion in each.lesions if lesion.number > 255]
    assert len(set(numbers)) == len(numbers) == 6 + 7


def test_voxels_lie_on_the_rows_and_columns_of_the_outline():
    drawn = ReadMessage("1.2.3", (ReadingSession((square(100, 200, 4),), ()),))
    scan = bare_scan("scan", drawn)
    (marks,) = marks_of(drawn, scan)
    (_, h, w) = np.nonzero(marks.mask)
    assert (set(h), set(w)) == ({201, 202, 203}, {101, 102, 103})


def test_a_mark_is_on_the_same_pixel_however_the_scan_was_stored():
    """Rows from the feet up and columns from the left, as of a patient lying otherwise."""
    drawn = ReadMessage(
        "1.2.3", (ReadingSession((square(3, 5, 4, z_mm=2.5),), (NonNodule("n", 0.0, "1", (1, 7)),)),)
    )
    scan = bare_scan("scan", drawn)
    turned = np.diag([1.0, 1.0, -2.5, 1.0])
    turned[:3, 3] = (0, 0, 2.5)
    other = replace(scan, origin=Origin("scan", (512, 512, 2), turned))
    other = replace(other, grid=replace(scan.grid, affine=display_affine(turned, (512, 512, 2))))
    (marks,) = marks_of(drawn, other)
    ras = (other.grid.affine @ np.append(np.argwhere(marks.mask == 2).mean(axis=0), 1))[:3]
    assert ras == pytest.approx((5, 7, 2.5))
    point = next(lesion for lesion in marks.lesions if lesion.kind == "non-nodule")
    assert (other.grid.affine @ (*point.voxel, 1))[:3] == pytest.approx((1, 7, 0))


def test_what_two_nodules_of_a_session_share_is_counted_once_and_told():
    session = ReadingSession((square(10, 10, 6, nodule_id="a"), square(13, 10, 6, nodule_id="b")), ())
    drawn = ReadMessage("1.2.3", (session,))
    (marks,) = marks_of(drawn, bare_scan("scan", drawn))
    assert voxels([marks]) == [{2: 25, 3: 15}]
    assert marks.notes == (
        "10 of the 25 voxels of b lie in another nodule of the session and are counted there.",
    )


def test_a_rating_that_is_on_no_scale_is_left_out_and_told():
    session = ReadingSession((square(10, 10, 4, nodule_id="a", subtlety=3, malignancy=0),), ())
    drawn = ReadMessage("1.2.3", (session,))
    (marks,) = marks_of(drawn, bare_scan("scan", drawn))
    assert marks.lesions[0].ratings == {"subtlety": 3}
    assert "a has the rating malignancy 0" in marks.notes[0]


def test_outlines_around_no_pixel_stay_a_nodule_without_voxels():
    drawn = ReadMessage("1.2.3", (ReadingSession((square(10, 10, 1, nodule_id="a"),), ()),))
    (marks,) = marks_of(drawn, bare_scan("scan", drawn))
    assert voxels([marks]) == [{2: 0}]
    assert marks.notes == ("The outlines of a enclose no pixel.",)


@pytest.mark.parametrize(
    ("session", "said"),
    [
        (ReadingSession((square(600, 0, 3),), ()), "reaches column 603 and row 3"),
        (
            ReadingSession((), (NonNodule("n", 0.0, "1", (512, 3)),)),
            "column 512 and row 3 of a slice that has 512",
        ),
    ],
)
def test_marks_beyond_the_slices_are_refused(session, said):
    drawn = ReadMessage("1.2.3", (session,))
    with pytest.raises(RaterProjectError, match=said):
        marks_of(drawn, bare_scan("scan", drawn))


@pytest.mark.parametrize(("z_mm", "number"), [(-149.009995, 0), (-149.01, 0), (-146.5, 1), (-143.4, 2)])
def test_a_slice_is_found_by_a_place_that_is_a_little_off(z_mm, number):
    affine = np.diag([-1.0, -1.0, 2.5, 1.0])
    affine[2, 3] = -149.0
    assert slice_at(Origin("scan", (8, 8, 3), affine), z_mm) == number


@pytest.mark.parametrize("z_mm", [-150.5, -147.75, -141.0, 1e9])
def test_a_place_between_slices_or_beyond_them_is_refused(z_mm):
    affine = np.diag([-1.0, -1.0, 2.5, 1.0])
    affine[2, 3] = -149.0
    with pytest.raises(RaterProjectError, match="has no slice at z"):
        slice_at(Origin("scan", (8, 8, 3), affine), z_mm)


def test_blank_slices_are_as_far_apart_as_rounded_places_tell():
    """A step of 0.7 mm written with one digit: the narrowest gap alone would be half a percent off."""
    places = [round(0.7001 * number, 1) for number in (0, 1, 2, 3, 150, 400)]
    drawn = ReadMessage("1", (ReadingSession(tuple(square(1, 1, 3, z_mm=z) for z in places), ()),))
    scan = bare_scan("scan", drawn)
    assert scan.data.shape == (1, 401, 512, 512)
    assert [slice_at(scan.origin, z) for z in places] == [0, 1, 2, 3, 150, 400]


def test_marks_too_far_apart_for_blank_slices_are_refused():
    drawn = ReadMessage(
        "1", (ReadingSession(tuple(square(1, 1, 3, z_mm=z) for z in (0.0, 1.0, 5000.0)), ()),)
    )
    with pytest.raises(RaterProjectError, match="more than 1024 slices"):
        bare_scan("scan", drawn)


def test_nothing_marked_gives_no_slices():
    with pytest.raises(RaterProjectError, match="marks nothing"):
        bare_scan("scan", ReadMessage("1", (ReadingSession((), ()),)))
