"""Outlines of several masks: where their lines run, and that they follow the slice and the plane in view."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_diffseg.layers.comparison import ComparisonLayers
from napari_diffseg.layers.contours import outline
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.volume import Box, Grid, LabelMap, Scan

GRID = Grid((4, 6, 5), np.diag([2.0, 1.0, 1.0, 1.0]))


def ends(lines):
    """Every end of a line, by how many lines meet there."""
    found = np.concatenate([lines[:, 0], lines.sum(axis=1)]).round(6)
    return {
        tuple(end): count for end, count in zip(*np.unique(found, axis=0, return_counts=True), strict=True)
    }


def length(lines):
    return float(np.abs(lines[:, 1]).sum())


@pytest.fixture
def stairs():
    """A shape with outer and inner corners, and a hole."""
    mask = np.zeros((7, 8), dtype=bool)
    mask[1:6, 1:5] = mask[3:6, 1:7] = True
    mask[4, 3] = False
    return mask


def test_an_outline_without_inset_runs_along_the_pixels_borders(stairs):
    lines = outline(stairs)
    padded = np.pad(stairs, 1).astype(int)
    borders = sum(int(np.abs(np.diff(padded, axis=axis)).sum()) for axis in (0, 1))
    assert len(lines) == borders == length(lines)
    assert set((lines[:, 0] % 1).ravel()) == {0.5}


@pytest.mark.parametrize("inset", [0.1, 0.4])
def test_an_inset_outline_stays_closed_at_every_corner(stairs, inset):
    assert set(ends(outline(stairs, inset=inset)).values()) == {2}


def test_insets_keep_outlines_of_one_mask_apart(stairs):
    one, other = (outline(stairs, inset=inset)[:, 0].round(6) for inset in (0.1, 0.3))
    assert not {tuple(start) for start in one} & {tuple(start) for start in other}


def test_an_empty_mask_has_no_outline():
    assert outline(np.zeros((3, 4), dtype=bool)).shape == (0, 2, 2)


@pytest.fixture
def compared():
    """Two reads in a viewer without a window."""
    drawn = np.zeros((2, *GRID.shape), dtype=np.uint8)
    drawn[0, 1:3, 1:4, 1:4] = 1
    drawn[1, 1, 2:5, 1:4] = 1
    reads = CaseReads("case", ("Anna", "Ben"), tuple(LabelMap(mask, GRID) for mask in drawn))
    scan = Scan(np.zeros((1, *GRID.shape), dtype=np.float32), GRID, ("image",))
    viewer = ViewerModel()
    layers = ComparisonLayers(viewer, scan, reads, Box((1, 1, 1), (3, 5, 4)))
    layers.show_readers(1, "together")
    return viewer, layers


def seen(layers):
    """Lines that are drawn, by reader's colour."""
    colours = layers.readers.edge_color
    return sorted(np.unique(colours, axis=0, return_counts=True)[1].tolist()) if colours[0, 3] else []


def test_the_lines_are_those_of_the_slice_in_view(compared):
    _, layers = compared
    layers.go_to((1, 2, 2))
    assert seen(layers) == [12, 12]
    layers.go_to((2, 2, 2))
    assert seen(layers) == [12]  # Anna's alone
    layers.go_to((3, 2, 2))
    assert seen(layers) == []


def test_the_lines_follow_another_plane(compared):
    viewer, layers = compared
    viewer.dims.order = (1, 0, 2)
    layers.go_to((1, 1, 2))
    assert seen(layers) == [10]  # two slices high, three voxels wide
    layers.go_to((1, 4, 2))
    assert seen(layers) == [8]


def test_a_hidden_reader_has_no_lines_and_one_that_comes_back_has(compared):
    _, layers = compared
    layers.go_to((1, 2, 2))
    layers.show_reader(0, visible=False)
    assert seen(layers) == [12]
    layers.show_reader(0, visible=True)
    assert seen(layers) == [12, 12]


def test_readers_one_by_one_are_a_layer_with_an_axis_of_their_own(compared):
    viewer, layers = compared
    layers.show_readers(1, "one by one")
    assert layers.readers.data.shape == (2, 2, 4, 3)
    assert layers.readers.axis_labels[0] == "reader"
    assert viewer.dims.ndim == 4
    assert not viewer.dims.rollable[0]
    layers.go_to((2, 3, 1))
    assert layers.slice_in_view() == 2


def test_nothing_is_left_in_the_viewer_when_the_layers_go(compared):
    viewer, layers = compared
    layers.show_votes(np.zeros(GRID.shape, dtype=np.uint8), 2)
    layers.remove()
    assert list(viewer.layers) == []
    viewer.dims.order = (1, 0, 2)  # nobody listens any more
