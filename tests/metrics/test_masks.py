"""Metrics against numbers worked out by hand, and where they are not defined."""

import math

import numpy as np
import pytest

from napari_diffseg.errors import GridMismatchError
from napari_diffseg.metrics import centroid_distance_mm, dice, hd95_mm, iou, normalised_surface_distance

SPACING_MM = (3.0, 1.0, 0.5)
EMPTY = np.zeros((8, 8, 8), dtype=bool)


def cube(start, size=3):
    mask = EMPTY.copy()
    d, h, w = start
    mask[d : d + size, h : h + size, w : w + size] = True
    return mask


def test_half_shifted_cubes_share_two_thirds():
    assert dice(cube((1, 1, 1)), cube((2, 1, 1))) == pytest.approx(2 / 3)
    assert iou(cube((1, 1, 1)), cube((2, 1, 1))) == pytest.approx(1 / 2)


@pytest.mark.parametrize("measure", [dice, iou])
def test_overlap_is_one_for_two_empty_masks_and_zero_for_one(measure):
    assert measure(EMPTY, EMPTY) == 1
    assert measure(EMPTY, cube((1, 1, 1))) == measure(cube((1, 1, 1)), EMPTY) == 0


def test_a_cube_moved_along_one_axis_is_that_far_away_in_mm():
    near, far = cube((1, 1, 1)), cube((3, 1, 1))
    assert centroid_distance_mm(near, far, SPACING_MM) == pytest.approx(6.0)
    assert hd95_mm(near, far, SPACING_MM) == pytest.approx(6.0)


def test_a_shift_below_the_tolerance_leaves_the_surface_perfect():
    near, far = cube((1, 1, 1)), cube((1, 1, 2))  # half a millimetre
    assert normalised_surface_distance(near, far, SPACING_MM) == 1
    assert normalised_surface_distance(near, far, SPACING_MM, tolerance_mm=0.4) < 1


def test_equal_masks_have_no_distance():
    mask = cube((2, 3, 4))
    assert hd95_mm(mask, mask, SPACING_MM) == centroid_distance_mm(mask, mask, SPACING_MM) == 0
    assert normalised_surface_distance(mask, mask, SPACING_MM) == 1


@pytest.mark.parametrize("measure", [hd95_mm, normalised_surface_distance, centroid_distance_mm])
@pytest.mark.parametrize("pair", [(EMPTY, EMPTY), (EMPTY, cube((1, 1, 1))), (cube((1, 1, 1)), EMPTY)])
def test_a_distance_to_an_empty_mask_is_undefined(measure, pair):
    assert math.isnan(measure(*pair, SPACING_MM))


@pytest.mark.parametrize("measure", [hd95_mm, normalised_surface_distance, centroid_distance_mm])
def test_distances_of_differently_shaped_masks_are_refused(measure):
    with pytest.raises(GridMismatchError, match=r"8 × 8 × 8 voxels .* 7 × 8 × 8"):
        measure(EMPTY, EMPTY[1:], SPACING_MM)


@pytest.mark.parametrize("measure", [dice, iou])
def test_overlap_of_differently_shaped_masks_is_refused(measure):
    with pytest.raises(GridMismatchError, match="Resample"):
        measure(EMPTY, EMPTY[1:])
