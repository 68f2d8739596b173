"""MedSegDiff's official fusion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_diffseg.errors import SettingsError
from napari_diffseg.fusion import consensus_from_mean, squared_mean


def voxels(*columns):
    """One voxel a column of values, laid along W."""
    return np.array(columns, dtype=np.float32).T[:, np.newaxis, np.newaxis, :]


def test_half_is_reached_where_the_mean_is_the_root_of_a_half():
    assert squared_mean(voxels([0.70], [0.71])).ravel().tolist() == [0, 1]


def test_classes_are_squared_before_they_are_summed():
    assert squared_mean(voxels([0.5, 0.5], [0.1, 0.8], [0.6, 0.4])).ravel().tolist() == [1, 2, 1]
    assert squared_mean(voxels([0.4, 0.5])).ravel().tolist() == [0]


@given(arrays(np.float64, (2, 2, 3, 4), elements=st.floats(0, 1)), st.floats(0.01, 1))
def test_it_never_marks_more_than_the_mean(mean, threshold):
    mean = mean / np.maximum(mean.sum(axis=0), 1)
    assert not np.any((squared_mean(mean, threshold) > 0) & (consensus_from_mean(mean, threshold) == 0))


def test_a_threshold_beyond_0_to_1_is_refused():
    with pytest.raises(SettingsError, match="0 to 1"):
        squared_mean(voxels([0.5]), 1.5)
