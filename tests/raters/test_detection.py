"""Marks of several raters matched into findings."""

import math

import numpy as np
import pytest

from napari_diffseg.errors import SettingsError
from napari_diffseg.raters.detection import MatchingRule, detection
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.marks import PIECE, marks_of

SPACING = (2.5, 0.7, 0.7)
SHAPE = (12, 40, 60)


def mask(*boxes):
    """A mask with a value of its own for each box (z, y, x, edge, value)."""
    drawn = np.zeros(SHAPE, dtype=np.uint8)
    for z, y, x, edge, value in boxes:
        drawn[z : z + 3, y : y + edge, x : x + edge] = value
    return drawn


def point(z, y, x, number=256, kind="small nodule"):
    return Lesion(number=number, kind=kind, voxel=(z, y, x))


def points(*lesions):
    return marks_of(np.zeros(SHAPE, dtype=np.uint8), lesions, classes=1)


def seen(found):
    return [finding.raters for finding in found.findings]


def test_masks_that_overlap_are_one_lesion_and_others_are_not():
    one = marks_of(mask((2, 5, 5, 6, 1), (7, 20, 40, 5, 1)))
    other = marks_of(mask((2, 7, 6, 6, 1)))
    third = marks_of(mask((7, 20, 41, 5, 1), (2, 30, 10, 4, 1)))
    found = detection([one, other, third], SPACING)
    assert seen(found) == [(0, 1), (2,), (0, 2)]
    assert found.seen_by == (1, 2, 0)
    assert found.findings[0].voxel == (3, 8, 8)
    assert found.findings[0].kinds == (PIECE, PIECE)


def test_agreement_is_that_of_shared_findings_averaged_over_pairs():
    one, other = marks_of(mask((2, 5, 5, 6, 1), (7, 20, 40, 5, 1))), marks_of(mask((2, 6, 6, 6, 1)))
    nothing = marks_of(mask())
    assert detection([one, other], SPACING).agreement == pytest.approx(2 * 1 / 3)
    assert detection([one, other, nothing], SPACING).agreement == pytest.approx((2 / 3 + 0 + 0) / 3)
    assert math.isnan(detection([nothing, nothing], SPACING).agreement)
    assert detection([one, one], SPACING).agreement == 1
    assert math.isnan(detection([one], SPACING).agreement)


def test_a_small_overlap_is_no_match_unless_the_rule_says_so():
    one, other = marks_of(mask((2, 5, 5, 6, 1))), marks_of(mask((2, 10, 10, 6, 1)))  # 3 of 213 voxels
    assert seen(detection([one, other], SPACING)) == [(0,), (1,)]
    assert seen(detection([one, other], SPACING, MatchingRule(least_iou=0.0))) == [(0, 1)]
    assert "a shared voxel" in MatchingRule(least_iou=0.0).words
    assert "an IoU of at least 0.1" in MatchingRule().words


def test_a_point_belongs_to_the_nearest_mask_within_reach_in_mm():
    drawn = marks_of(mask((2, 5, 5, 6, 1)))
    near, far = points(point(6, 7, 7)), points(point(8, 7, 7))  # 2 and 4 slices of 2.5 mm above
    assert seen(detection([drawn, near], SPACING)) == [(0, 1)]
    assert seen(detection([drawn, far], SPACING)) == [(0,), (1,)]
    assert seen(detection([drawn, far], SPACING, MatchingRule(reach_mm=10.0))) == [(0, 1)]
    assert "within 5 mm" in MatchingRule().words


def test_points_within_reach_of_each_other_are_one_lesion():
    one, other = points(point(5, 10, 10)), points(point(6, 14, 10, kind="non-nodule"))  # 3.8 mm apart
    found = detection([one, other], SPACING)
    assert seen(found) == [(0, 1)]
    assert found.findings[0].kinds == ("small nodule", "non-nodule")
    assert seen(detection([one, points(point(7, 10, 18))], SPACING)) == [(0,), (1,)]


def test_lesions_of_one_reader_that_touch_stay_two():
    touching = mask((2, 5, 5, 6, 2), (2, 5, 11, 6, 3))
    lesions = [Lesion(number=2, kind="nodule"), Lesion(number=3, kind="nodule")]
    read = marks_of(touching, lesions, classes=1)
    assert read.kinds == ("nodule", "nodule")
    apart = marks_of(mask((2, 5, 5, 6, 1), (8, 5, 11, 6, 1)))
    assert seen(detection([read, apart], SPACING)) == [(0, 1), (0,), (1,)]


def test_voxels_of_a_class_without_a_lesion_are_pieces_beside_lesions():
    drawn = mask((2, 5, 5, 6, 1), (8, 25, 40, 6, 1), (2, 25, 40, 6, 2))
    read = marks_of(drawn, [Lesion(number=2, kind="nodule"), point(1, 1, 1)], classes=1)
    assert read.kinds == (PIECE, PIECE, "nodule", "small nodule")
    assert read.masks == 3
    assert read.middles[2:].tolist() == [[3, 27.5, 42.5], [1, 1, 1]]


def test_pieces_that_meet_at_a_corner_are_one():
    drawn = np.zeros(SHAPE, dtype=np.uint8)
    drawn[3, 3, 3] = drawn[4, 4, 4] = drawn[6, 4, 4] = 1
    assert len(marks_of(drawn).kinds) == 2


@pytest.mark.parametrize("rule", [{"least_iou": -0.1}, {"least_iou": 1.1}, {"reach_mm": -1.0}])
def test_an_impossible_rule_is_refused(rule):
    with pytest.raises(SettingsError, match="Lesions are matched from an IoU of"):
        MatchingRule(**rule)
