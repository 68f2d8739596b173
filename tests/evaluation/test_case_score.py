"""One result against one or several reads, by hand."""

import subprocess
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from napari_diffseg.errors import GridMismatchError, ResultError, SettingsError
from napari_diffseg.evaluation.case_score import score
from napari_diffseg.metrics import iou
from napari_diffseg.volume import Box

LEFT, BOTH, NONE = [1, 0, 0], [1, 1, 0], [0, 0, 0]
SQUARE = np.pad(np.ones((3, 3), dtype=np.uint8), 2)
LARGER = np.pad(np.ones((5, 5), dtype=np.uint8), 1)


def test_the_consensus_is_held_against_the_majority_of_the_reads(result, read):
    found = score(result(LEFT, LEFT), [read(LEFT), read(BOTH), read(BOTH)], case="a")
    assert found.dice == found.first_member_dice == (pytest.approx(2 / 3),)  # left and both share one voxel
    assert (found.case, found.members, found.reads) == ("a", 2, 3)


def test_the_members_are_held_against_every_read(result, read):
    found = score(result(LEFT, LEFT), [read(LEFT), read(BOTH), read(BOTH)], case="a")
    # across d = 0, 1/2, 1/2; within the members 0; within the reads 1/2 in 4 of 9 ordered pairs
    assert found.ged == (pytest.approx(2 / 3 - 0 - 2 / 9),)
    assert found.ged_unbiased == (pytest.approx(2 / 3 - 0 - 2 / 6),)
    assert found.matched_iou == (pytest.approx((1 + 1 / 2 + 1 / 2) / 3),)
    assert found.pairwise_dice == (pytest.approx((1 + 2 / 3 + 2 / 3) / 3),)


def test_one_read_leaves_nothing_to_compare_sets_with(result, read):
    found = score(result(LEFT, BOTH), [read(BOTH)], case="a")
    assert found.ged == found.ged_unbiased == found.matched_iou == found.pairwise_dice == ()
    assert found.dice == (pytest.approx(2 / 3),)


def test_two_reads_that_differ_leave_the_tie_to_the_background(result, read):
    assert score(result(LEFT), [read(LEFT), read(BOTH)], case="a").dice == (1.0,)


def test_members_that_differ_disagree_and_one_alone_does_not(result, read):
    assert score(result(LEFT, BOTH, LEFT), [read(LEFT)], case="a").member_disagreement == (
        pytest.approx(1 - (2 / 3 + 1 + 2 / 3) / 3),
    )
    assert score(result(LEFT), [read(LEFT)], case="a").member_disagreement == (0.0,)


def test_the_first_member_is_scored_beside_the_consensus(result, read):
    found = score(result(LEFT, BOTH, consensus=BOTH), [read(BOTH)], case="a")
    assert (found.dice, found.first_member_dice) == ((1.0,), (pytest.approx(2 / 3),))


def test_distances_are_in_millimetres(result, read):
    spacing_mm = (1, 1, 2)
    found = score(result([1, 0, 0, 0], spacing_mm=spacing_mm), [read([0, 0, 0, 1], spacing_mm)], case="a")
    assert found.hd95_mm == found.centroid_distance_mm == (6.0,)
    assert found.nsd_1mm == (0.0,)


def test_the_surface_of_an_image_s_mask_is_its_outline(result, read):
    found = score(result(SQUARE), [read(LARGER)], case="a")
    # 8 voxels of the inner outline and 12 of the outer one lie 1 mm apart, 4 corners lie further
    assert found.nsd_1mm == (pytest.approx(20 / 24),)


def test_what_is_empty_has_a_dice_and_no_distance(result, read):
    for mask, dice in ((NONE, 1.0), (LEFT, 0.0)):
        found = score(result(NONE), [read(mask)], case="a")
        assert found.dice == (dice,)
        assert np.isnan([*found.hd95_mm, *found.nsd_1mm, *found.centroid_distance_mm]).all()


def test_one_member_has_no_unbiased_energy_distance(result, read):
    found = score(result(LEFT), [read(LEFT), read(BOTH)], case="a")
    assert found.ged == (pytest.approx(2 / 4 - 0 - 1 / 4),)
    assert np.isnan(found.ged_unbiased).all()


def test_every_class_has_its_own_values_in_order(result, read):
    found = score(result([1, 2, 2], classes=2), [read([1, 1, 2])], case="a")
    assert found.dice == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert found.centroid_distance_mm == (0.5, 0.5)
    assert score(result([0, 2, 2], classes=2), [read([0, 2, 2])], case="a").dice == (1.0, 1.0)


def test_a_label_that_the_checkpoint_does_not_know_is_background(result, read):
    mask = replace(read(NONE), data=np.array([[[1, 2, 257]]], dtype=np.uint16))
    assert score(result(LEFT), [mask], case="a").dice == (1.0,)
    assert score(result(LEFT), [mask, mask, mask], case="a").ged == (0.0,)


def test_the_mean_over_classes_is_the_energy_distance_of_the_mean_iou(result, read):
    rng = np.random.default_rng(0)
    members, reads = rng.integers(0, 3, (5, 2, 3, 4)), rng.integers(0, 3, (4, 2, 3, 4))

    def apart(some, others):
        return np.mean([
            1 - np.mean([iou(a == label, b == label) for label in (1, 2)]) for a, b in product(some, others)
        ])  # fmt: skip

    expected = 2 * apart(members, reads) - apart(members, members) - apart(reads, reads)
    found = score(result(*members, classes=2), [read(one) for one in reads], case="a")
    assert np.mean(found.ged) == pytest.approx(expected)


def test_only_the_voxels_of_the_result_s_box_count(result, read):
    inside = result([1, 1], box=Box((0, 0, 1), (1, 1, 3)), shape=(1, 1, 4))
    assert score(inside, [read([1, 1, 1, 1])], case="a").dice == (1.0,)
    assert score(inside, [read([1, 1, 0, 1])], case="a").dice == (pytest.approx(2 / 3),)


def test_a_read_on_another_grid_is_refused(result, read):
    with pytest.raises(GridMismatchError, match="A mask of a does not lie on its scan: 1 × 1 × 2 voxels"):
        score(result(LEFT), [read([1, 0])], case="a")
    with pytest.raises(GridMismatchError, match="another position"):
        score(result(LEFT), [read(LEFT, (1, 1, 2))], case="a")


def test_a_result_without_members_and_a_case_without_reads_are_refused(result, read):
    saved_without = replace(result(LEFT), members=np.zeros((0, 1, 1, 3), dtype=np.uint8))
    with pytest.raises(ResultError, match="no members to score"):
        score(saved_without, [read(LEFT)], case="a")
    with pytest.raises(SettingsError, match="0 reads"):
        score(result(LEFT), [], case="a")


def test_scores_summaries_and_differences_are_read_without_torch():
    code = (
        "import sys; from napari_diffseg.evaluation import case_score, paired, summary; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
