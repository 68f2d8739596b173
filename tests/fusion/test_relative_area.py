"""Specks beside larger members."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_diffseg.errors import SettingsError
from napari_diffseg.fusion import relative_area

MEMBERS = arrays(np.uint8, (4, 2, 3, 4), elements=st.integers(0, 2))


def of_volumes(*voxels):
    """A member each with so many voxels of foreground."""
    members = np.zeros((len(voxels), 2, 3, 4), dtype=np.uint8)
    for member, count in zip(members, voxels, strict=True):
        member.ravel()[:count] = 1
    return members


def test_a_member_of_exactly_half_the_largest_is_kept():
    assert relative_area(of_volumes(20, 10, 9, 0)).tolist() == [True, True, False, False]


def test_empty_members_are_kept_among_themselves():
    assert relative_area(of_volumes(0, 0)).tolist() == [True, True]


def test_every_foreground_class_counts():
    members = of_volumes(20, 10)
    members[1, 1, 2, 3] = 2
    assert relative_area(members, 0.55).tolist() == [True, True]


@given(MEMBERS, st.floats(0, 1))
def test_the_largest_is_kept_and_a_higher_share_keeps_fewer(members, smallest):
    kept = relative_area(members, smallest)
    assert kept[np.argmax((members > 0).sum((1, 2, 3)))]
    assert not np.any(relative_area(members, 1.0) & ~kept)
    assert relative_area(members, 0.0).all()


def test_of_no_member_none_is_kept():
    assert relative_area(of_volumes()).shape == (0,)


@pytest.mark.parametrize("smallest", [-0.1, 1.1, float("nan")])
def test_a_share_beyond_0_to_1_is_refused(smallest):
    with pytest.raises(SettingsError, match="0 to 1"):
        relative_area(of_volumes(1, 2), smallest)
