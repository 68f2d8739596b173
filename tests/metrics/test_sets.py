"""Sets of masks against sets of masks: worked examples, brute force, and what must hold of any."""

import math
from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from napari_diffseg.errors import GridMismatchError, SettingsError
from napari_diffseg.metrics import energy_distance, iou, matched_iou, pairwise_iou


def masks(count):
    return arrays(np.bool_, (count, 2, 2, 2))


def rows(*lists):
    """A mask a list of 0 and 1, along one axis."""
    return np.array(lists, dtype=bool)[:, None, None, :]


LEFT, BOTH, NONE = [1, 0, 0], [1, 1, 0], [0, 0, 0]


def test_the_energy_distance_of_a_worked_example():
    # d(left, both) = 1/2; across the sets 0, 1/2, 1/2, 0; within each 0, 1/2, 1/2, 0
    equal = energy_distance(rows(LEFT, BOTH), rows(LEFT, BOTH))
    assert equal.published == pytest.approx(0)
    assert equal.unbiased == pytest.approx(2 / 4 - 1 / 2 - 1 / 2)
    # across 0 and 1/2; within the members 0
    one_sided = energy_distance(rows(LEFT, LEFT), rows(LEFT, BOTH))
    assert one_sided.published == pytest.approx(2 / 4 - 0 - 1 / 4)
    assert one_sided.unbiased == pytest.approx(2 / 4 - 0 - 1 / 2)
    assert (one_sided.members, one_sided.raters) == (2, 2)


def test_empty_masks_are_equal_and_as_far_as_can_be_from_others():
    assert energy_distance(rows(NONE, NONE), rows(NONE)).published == 0
    assert energy_distance(rows(NONE, NONE), rows(LEFT, LEFT)).published == 2
    assert matched_iou(rows(NONE, NONE), rows(NONE)) == 1
    assert matched_iou(rows(NONE), rows(LEFT)) == 0


def test_a_single_mask_has_no_unbiased_distance():
    assert math.isnan(energy_distance(rows(LEFT), rows(LEFT, BOTH)).unbiased)
    assert math.isnan(energy_distance(rows(LEFT, BOTH), rows(LEFT)).unbiased)


@given(masks(5), masks(3))
@settings(deadline=None)
def test_the_unbiased_distance_is_on_average_that_of_all_members(members, raters):
    pairs = [energy_distance(members[list(pair)], raters).unbiased for pair in combinations(range(5), 2)]
    assert np.mean(pairs) == pytest.approx(energy_distance(members, raters).unbiased, abs=1e-12)


@given(masks(4), masks(3))
@settings(deadline=None)
def test_the_published_distance_lies_from_0_to_2_and_knows_no_order(members, raters):
    found = energy_distance(members, raters)
    assert -1e-12 <= found.published <= 2
    assert found.unbiased <= found.published + 1e-12
    assert energy_distance(raters, members[::-1]).published == pytest.approx(found.published, abs=1e-12)
    assert energy_distance(members, members[::-1]).published == pytest.approx(0, abs=1e-12)


@given(masks(4), masks(2))
@settings(deadline=None)
def test_repeated_members_leave_the_published_distance_alone(members, raters):
    twice = np.concatenate([members, members])
    once = energy_distance(members, raters).published
    assert energy_distance(twice, raters).published == pytest.approx(once, abs=1e-12)


def test_matched_iou_of_a_worked_example():
    # left with left 1, both with both 1: crosswise it would be 1/2
    assert matched_iou(rows(LEFT, BOTH), rows(BOTH, LEFT)) == 1
    assert matched_iou(rows(LEFT, LEFT), rows(BOTH, LEFT)) == pytest.approx(3 / 4)
    # three members and two raters: each member twice, each rater thrice
    assert matched_iou(rows(LEFT, LEFT, BOTH), rows(LEFT, BOTH)) == pytest.approx((3 + 0.5 + 2) / 6)


@given(masks(4), masks(4))
@settings(deadline=None)
def test_matched_iou_is_the_best_of_all_matchings(members, raters):
    best = max(
        np.mean([iou(members[i], raters[j]) for i, j in enumerate(order)]) for order in permutations(range(4))
    )
    assert matched_iou(members, raters) == pytest.approx(best)


@given(masks(3), masks(2))
@settings(deadline=None)
def test_matched_iou_weighs_every_mask_alike_when_sets_differ_in_size(members, raters):
    # six slots: each rater three times, each member twice
    slots = [raters[j] for j in (0, 0, 0, 1, 1, 1)]
    best = max(
        np.mean([iou(members[i], slot) for i, slot in zip(order, slots, strict=True)])
        for order in product(range(3), repeat=6)
        if all(order.count(member) == 2 for member in range(3))
    )
    assert matched_iou(members, raters) == pytest.approx(best)


def test_pairwise_iou_has_a_row_for_each_member():
    assert pairwise_iou(rows(LEFT, BOTH, NONE), rows(LEFT, NONE)).tolist() == [[1, 0], [0.5, 0], [0, 1]]


@pytest.mark.parametrize("measure", [energy_distance, matched_iou, pairwise_iou])
def test_an_empty_set_is_refused(measure):
    with pytest.raises(SettingsError, match="0 members cannot be compared with 1 raters"):
        measure(rows(LEFT)[:0], rows(LEFT))


@pytest.mark.parametrize("measure", [energy_distance, matched_iou, pairwise_iou])
def test_sets_of_differently_shaped_masks_are_refused(measure):
    with pytest.raises(GridMismatchError, match="Resample"):
        measure(rows(LEFT), rows([1, 0]))
