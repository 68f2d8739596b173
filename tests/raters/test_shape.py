"""Shapes between slices, smoothed, and freed of stray pieces: held to discs and balls."""

import numpy as np
import pytest

from napari_diffseg.raters.boxes import box_of
from napari_diffseg.raters.shape import interpolated, largest_piece, smoothed
from napari_diffseg.raters.voxel_counts import VoxelCounts
from napari_diffseg.volume import Box


def disc(radius, middle=(20, 20), size=40):
    h, w = np.ogrid[:size, :size]
    return (h - middle[0]) ** 2 + (w - middle[1]) ** 2 <= radius**2


def ball(radius, size=25):
    d, h, w = np.ogrid[:size, :size, :size]
    return sum((axis - size // 2) ** 2 for axis in (d, h, w)) <= radius**2


def radius_of(plane):
    return np.sqrt(plane.sum() / np.pi)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_cone_drawn_at_its_ends_is_filled_in_between(axis):
    drawn = np.zeros((9, 40, 40), dtype=np.bool_)
    drawn[0], drawn[8] = disc(4), disc(12)
    turned = np.moveaxis(drawn, 0, axis)
    filled = np.moveaxis(interpolated(turned, axis, (1.0, 1.0, 1.0)), axis, 0)
    radii = [radius_of(plane) for plane in filled]
    assert radii == pytest.approx([4 + at for at in range(9)], abs=0.4)


def test_drawn_slices_stay_as_they_are_and_nothing_grows_beyond_them():
    drawn = np.zeros((12, 40, 40), dtype=np.bool_)
    drawn[2], drawn[5], drawn[9] = disc(6), disc(9), disc(3)
    filled = interpolated(drawn, 0, (2.5, 0.7, 0.7))
    assert all(np.array_equal(filled[at], drawn[at]) for at in (2, 5, 9))
    assert filled.any(axis=(1, 2)).tolist() == [2 <= at <= 9 for at in range(12)]


def test_uneven_voxels_are_measured_in_millimetres():
    drawn = np.zeros((3, 40, 40), dtype=np.bool_)
    drawn[0, 10:30, 18:22], drawn[2, 18:22, 10:30] = True, True
    even, uneven = (interpolated(drawn, 0, (1.0, 1.0, w_mm))[1] for w_mm in (1.0, 4.0))
    assert np.array_equal(even, even.T)
    assert not np.array_equal(uneven, uneven.T)


def test_slices_that_do_not_overlap_are_not_joined():
    drawn = np.zeros((5, 40, 40), dtype=np.bool_)
    drawn[0], drawn[4] = disc(3, (5, 5)), disc(3, (34, 34))
    assert np.array_equal(interpolated(drawn, 0, (1.0, 1.0, 1.0)), drawn)


def test_smoothing_keeps_the_volume_and_takes_off_a_spike():
    rough = ball(8)
    rough[12, 12, 21:25] = True
    smooth = smoothed(rough, (0, 1, 2), (1.0, 1.0, 1.0))
    assert smooth.sum() == pytest.approx(rough.sum(), rel=0.02)
    assert not smooth[12, 12, 24]


def test_smoothing_in_a_slice_leaves_the_others_alone():
    rough = ball(8)
    rough[12, 12, 21:25] = True
    smooth = smoothed(rough[12:13], (1, 2), (1.0, 1.0, 1.0))
    assert not np.array_equal(smooth, rough[12:13])
    assert smooth.shape == (1, 25, 25)


def test_nothing_stays_nothing():
    nothing = np.zeros((3, 4, 5), dtype=np.bool_)
    spacing = (1.0, 1.0, 1.0)
    for result in (
        interpolated(nothing, 0, spacing),
        smoothed(nothing, (0,), spacing),
        largest_piece(nothing),
    ):
        assert not result.any()
    assert box_of(nothing.view(np.uint8)) is None


def test_the_largest_piece_is_kept_and_corners_join():
    pieces = np.zeros((10, 10, 10), dtype=np.bool_)
    pieces[1:3, 1:3, 1:3], pieces[3, 3, 3], pieces[7, 7, 7:9] = True, True, True
    kept = largest_piece(pieces)
    assert kept[3, 3, 3]
    assert kept.sum() == 9


def test_the_box_of_a_number_is_the_smallest_around_it():
    mask = np.zeros((6, 7, 8), dtype=np.uint8)
    mask[2, 3, 4], mask[4, 1, 6], mask[0, 0, 0] = 5, 5, 9
    assert box_of(mask, 5) == Box((2, 1, 4), (5, 4, 7))
    assert box_of(mask) == Box((0, 0, 0), (5, 4, 7))
    assert box_of(mask, 3) is None


def test_counts_follow_what_is_drawn():
    mask = np.zeros((6, 7, 8), dtype=np.uint8)
    mask[1, :2, :3] = 4
    counts = VoxelCounts(mask)
    mask[1, 0, 0], mask[5, 2:4, 3] = 0, 255
    counts.update(mask, Box((1, 0, 0), (6, 4, 4)))
    assert counts.voxels() == {4: 5, 255: 2}
