"""Grids and boxes."""

import numpy as np
import pytest

from napari_diffseg.errors import PreparationError
from napari_diffseg.volume import Box, Grid
from napari_diffseg.volume.mismatch import mismatch


def grid(shape=(4, 5, 6), edges=(2.0, 1.0, 0.5), at=(0.0, 0.0, 0.0)):
    affine = np.diag([*edges, 1.0])
    affine[:3, 3] = at
    return Grid(shape, affine)


def test_a_cropped_grid_keeps_every_voxel_in_place():
    whole = grid(at=(10.0, -20.0, 30.0))
    part = whole.crop(Box((1, 2, 3), (4, 5, 6)))
    assert part.shape == (3, 3, 3)
    assert np.allclose(part.affine @ [0, 0, 0, 1], whole.affine @ [1, 2, 3, 1])


def test_a_voxel_of_two_by_one_by_half_measures_one_microlitre():
    assert grid().voxel_ml == pytest.approx(0.001)


def test_a_box_beside_the_scan_is_refused_with_its_size():
    with pytest.raises(PreparationError, match="4 × 5 × 6"):
        Box((9, 0, 0), (12, 5, 6)).clipped((4, 5, 6))


def test_a_box_that_reaches_over_the_edge_is_clipped():
    assert Box((-3, 1, 2), (2, 9, 4)).clipped((4, 5, 6)) == Box((0, 1, 2), (2, 5, 4))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (grid(), ""),
        (grid(shape=(4, 5, 7)), "4 × 5 × 6 against 4 × 5 × 7 voxels"),
        (grid(edges=(2.0, 1.0, 0.6)), "voxels of 2 × 1 × 0.5 against 2 × 1 × 0.6 mm"),
        (grid(at=(3.0, 4.0, 0.0)), "their corners lie up to 5 mm apart"),
    ],
)
def test_the_difference_of_two_grids_is_named(other, said):
    assert mismatch(grid(), other) == said
