"""Which nodules of several readers are taken for one."""

import numpy as np
import pytest

from napari_diffseg.raters.lidc.grouping import Outlined, groups


def nodule(reader, start, stop):
    return Outlined(reader, np.arange(start, stop))


def test_overlapping_nodules_of_four_readers_are_one():
    assert groups([nodule(reader, reader, 20 + reader) for reader in range(4)]) == (0, 0, 0, 0)


def test_nodules_apart_stay_apart_and_are_numbered_as_they_come():
    assert groups([nodule(0, 0, 10), nodule(0, 50, 60), nodule(1, 52, 61), nodule(1, 0, 9)]) == (0, 1, 1, 0)


@pytest.mark.parametrize(("stop", "together"), [(100, True), (101, False)])
def test_an_iou_of_a_tenth_is_the_least(stop, together):
    first, second = groups([nodule(0, 0, 10), nodule(1, 0, stop)])
    assert (first == second) is together


def test_another_threshold_can_be_asked_for():
    pair = [nodule(0, 0, 10), nodule(1, 5, 15)]
    assert groups(pair, least_iou=0.3) == (0, 0)
    assert groups(pair, least_iou=0.4) == (0, 1)


def test_two_nodules_of_one_reader_are_never_one_though_another_drew_around_both():
    both, left, right = nodule(1, 0, 30), nodule(0, 0, 12), nodule(0, 14, 30)
    assert groups([left, right, both]) == (0, 1, 1)
    assert groups([both, right, left]) == (0, 0, 1)


def test_a_chain_breaks_where_a_reader_would_be_in_it_twice():
    chain = [nodule(0, 0, 10), nodule(1, 4, 14), nodule(0, 10, 20), nodule(2, 12, 22)]
    found = groups(chain)
    assert found[0] != found[2]
    assert found[2] == found[3]


def test_which_reader_comes_first_does_not_change_the_groups():
    drawn = [nodule(0, 0, 10), nodule(1, 1, 12), nodule(1, 40, 50), nodule(2, 42, 55), nodule(3, 0, 9)]
    forwards, backwards = groups(drawn), groups(drawn[::-1])[::-1]
    assert [a == b for a in forwards for b in forwards] == [a == b for a in backwards for b in backwards]


def test_nodules_without_a_voxel_and_no_nodules_are_no_matter():
    assert groups([]) == ()
    assert groups([nodule(0, 0, 0), nodule(1, 0, 0)]) == (0, 1)
