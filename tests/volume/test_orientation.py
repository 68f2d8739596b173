"""Display order and the way back, in every order a file can have."""

import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_diffseg.volume.orientation import display_affine, from_display, to_display

PERMUTATIONS = list(itertools.permutations(range(3)))
FLIPS = list(itertools.product((1, -1), repeat=3))
SHAPE = (5, 6, 7)


def file_affine(permutation, flips, degrees=(0.0, 0.0, 0.0)):
    axes = np.zeros((3, 3))
    axes[list(permutation), range(3)] = flips
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ axes * [1.5, 0.75, 2.5]
    affine[:3, 3] = [-31.25, 12.5, 7.125]
    return affine


orders = pytest.mark.parametrize("permutation", PERMUTATIONS)
sides = pytest.mark.parametrize("flips", FLIPS)
tilts = pytest.mark.parametrize("degrees", [(0.0, 0.0, 0.0), (20.0, 15.0, 10.0)], ids=["straight", "oblique"])


@orders
@sides
@tilts
def test_every_storage_order_is_shown_inferior_posterior_left(permutation, flips, degrees):
    affine = file_affine(permutation, flips, degrees)
    assert nib.aff2axcodes(display_affine(affine, SHAPE)) == ("I", "P", "L")


@orders
@sides
@tilts
def test_every_voxel_keeps_its_value_and_its_place_in_the_patient(permutation, flips, degrees):
    affine = file_affine(permutation, flips, degrees)
    data = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    shown, shown_affine = to_display(data, affine), display_affine(affine, SHAPE)
    for place in np.ndindex(SHAPE):
        (index,) = np.argwhere(shown == data[place])
        assert np.allclose(shown_affine @ [*index, 1], affine @ [*place, 1], rtol=0, atol=1e-12)


@orders
@sides
@tilts
def test_the_way_back_returns_the_very_same_memory(permutation, flips, degrees):
    affine = file_affine(permutation, flips, degrees)
    data = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    back = from_display(to_display(data, affine), affine)
    assert np.array_equal(back, data)
    assert (back.strides, back.ctypes.data) == (data.strides, data.ctypes.data)


@given(
    permutation=st.sampled_from(PERMUTATIONS),
    flips=st.sampled_from(FLIPS),
    degrees=st.tuples(*[st.floats(-40, 40)] * 3),
    leading=st.lists(st.integers(1, 3), max_size=2),
)
@settings(max_examples=100, deadline=None)
def test_axes_in_front_stay_in_front_whatever_the_tilt(permutation, flips, degrees, leading):
    affine = file_affine(permutation, flips, degrees)
    shape = (*leading, *SHAPE)
    data = np.arange(np.prod(shape)).reshape(shape)
    shown = to_display(data, affine)
    for index in np.ndindex(*leading):
        assert np.array_equal(shown[index], to_display(data[index], affine))
    assert np.array_equal(from_display(shown, affine), data)


def test_an_asymmetric_head_lies_right_side_up():
    affine = file_affine((0, 1, 2), (1, 1, 1))  # stored right, anterior, superior
    head = np.zeros(SHAPE)
    left, anterior, superior = (0, 3, 3), (2, 5, 3), (2, 3, 6)
    head[left], head[anterior], head[superior] = 1, 2, 3
    shown = to_display(head, affine)
    assert np.argwhere(shown == 1)[0][2] == shown.shape[2] - 1  # the patient's left is on the right
    assert np.argwhere(shown == 2)[0][1] == 0  # anterior is up in axial slices
    assert np.argwhere(shown == 3)[0][0] == 0  # the first slice is the top of the head
