"""Consensus of soft means and vote of hard members."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_diffseg.errors import SettingsError
from napari_diffseg.fusion import consensus_from_mean, majority


def voxels(*columns):
    """One voxel a column of values, laid along W."""
    return np.array(columns).T[:, np.newaxis, np.newaxis, :]


def test_background_wins_only_where_classes_sum_below_the_threshold():
    mean = voxels([0.2, 0.2], [0.3, 0.25], [0.1, 0.6], [0.5, 0.0]).astype(np.float32)
    assert consensus_from_mean(mean).ravel().tolist() == [0, 1, 2, 1]
    assert consensus_from_mean(mean, 0.6).ravel().tolist() == [0, 0, 2, 0]


def test_of_equal_means_the_lower_class_wins():
    mean = voxels([0.3, 0.3, 0.3], [0.0, 0.5, 0.5]).astype(np.float32)
    assert consensus_from_mean(mean).ravel().tolist() == [1, 2]


def test_voxels_without_a_number_are_background():
    assert consensus_from_mean(voxels([np.nan, 0.9], [0.1, 0.9]).astype(np.float32)).ravel().tolist() == [
        0,
        2,
    ]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_beyond_0_to_1_is_refused(threshold):
    with pytest.raises(SettingsError, match="0 to 1"):
        consensus_from_mean(np.zeros((1, 2, 2, 2), dtype=np.float32), threshold)


@given(arrays(np.float64, (3, 2, 3, 4), elements=st.floats(0, 1)), st.floats(0, 1))
def test_consensus_is_argmax_above_the_threshold(mean, threshold):
    total = mean[0] + mean[1] + mean[2]
    expected = np.where(total >= threshold, mean.argmax(axis=0) + 1, 0)
    assert np.array_equal(consensus_from_mean(mean, threshold), expected)


def test_the_label_of_most_members_wins():
    assert majority(voxels([1, 1, 2], [0, 2, 2], [0, 0, 1]).astype(np.uint8), 2).ravel().tolist() == [1, 2, 0]


def test_of_equally_many_votes_the_lower_label_wins():
    members = voxels([0, 1], [2, 1], [3, 0]).astype(np.uint8)
    assert majority(members, 3).ravel().tolist() == [0, 1, 0]


@given(arrays(np.uint8, (5, 2, 3, 4), elements=st.integers(0, 3)))
def test_majority_is_the_first_most_frequent_label(members):
    expected = np.apply_along_axis(lambda labels: np.bincount(labels, minlength=4).argmax(), 0, members)
    assert np.array_equal(majority(members, 3), expected)


def test_the_vote_of_a_large_scan_takes_six_bytes_a_voxel():
    members = np.zeros((5, 64, 128, 128), dtype=np.uint8)
    tracemalloc.start()
    try:
        majority(members, 15)
        assert tracemalloc.get_traced_memory()[1] < 6 * members[0].size
    finally:
        tracemalloc.stop()
