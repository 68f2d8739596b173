from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_diffseg.errors import PreparationError
from napari_diffseg.volume import Box
from napari_diffseg.widgets.segment.region import RegionChooser

SPACING = (2.0, 1.0, 0.5)


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((20, 40, 60)), scale=SPACING, translate=(100, -20, 7))
    return viewer


@pytest.fixture
def region(qtbot, viewer):
    region = RegionChooser(viewer)
    qtbot.addWidget(region)
    return region


def set_size(region, *size_mm):
    for spin, size in zip(region.sizes_mm, size_mm, strict=True):
        spin.setValue(size)


def test_the_whole_volume_is_the_first_choice(region, viewer):
    assert region.box(viewer.layers[0]) == Box.whole((20, 40, 60))


def test_a_box_has_its_size_in_millimetres_and_its_middle_at_the_cursor(region, viewer):
    region.choose("box")
    set_size(region, 8, 10, 12)
    viewer.dims.set_point(range(3), viewer.layers[0].data_to_world((10, 20, 30)))
    box = region.box(viewer.layers[0])
    assert box.shape == (4, 10, 24)
    middle = (np.array(box.start) + np.array(box.stop) - 1) / 2
    assert np.abs(middle - (10, 20, 30)).max() <= 0.5


def test_a_box_that_sticks_out_is_clipped(region, viewer):
    region.choose("box")
    set_size(region, 400, 10, 10)
    box = region.box(viewer.layers[0])
    assert (box.start[0], box.stop[0]) == (0, 20)


def test_a_box_outside_the_scan_is_refused_with_both_sizes(region, viewer):
    region.choose("box")
    set_size(region, 4, 4, 4)
    viewer.add_points([[900, 900, 900]])
    viewer.dims.set_point(range(3), (900, 900, 900))
    with pytest.raises(PreparationError, match="20 × 40 × 60"):
        region.box(viewer.layers[0])


@pytest.mark.parametrize("slice_axis", [0, 1, 2])
def test_a_rectangle_in_any_view_becomes_a_box_of_so_many_slices(region, viewer, slice_axis):
    layer = viewer.layers[0]
    corners = np.tile([10.0, 20.0, 30.0], (4, 1))
    across, down = (axis for axis in range(3) if axis != slice_axis)
    corners[:, across] += [-4, -4, 4, 4]
    corners[:, down] += [-3, 3, 3, -3]
    viewer.add_shapes([[layer.data_to_world(corner) for corner in corners]])
    region.reset_choices()
    region.choose("rectangle")
    region.slices.setValue(6)
    expected = {slice_axis: 6, across: 8, down: 6}
    assert region.box(layer).shape == tuple(expected[axis] for axis in range(3))


def test_a_rectangle_drawn_in_2d_lies_in_the_slice_in_view(region, viewer):
    layer = viewer.layers[0]
    viewer.add_shapes([[[-15, 10], [-15, 20], [-5, 20], [-5, 10]]])
    region.reset_choices()
    region.choose("rectangle")
    region.slices.setValue(4)
    viewer.dims.set_point(0, layer.data_to_world((5, 0, 0))[0])
    box = region.box(layer)
    assert box.shape == (4, 10, 20)
    assert box.start[0] <= 5 < box.stop[0]


@pytest.mark.parametrize("shapes", [None, []])
def test_no_rectangle_is_a_sentence_that_says_to_draw_one(region, viewer, shapes):
    if shapes is not None:
        viewer.add_shapes(shapes, ndim=3)
        region.reset_choices()
    region.choose("rectangle")
    with pytest.raises(PreparationError, match=r"[Dd]raw a\s+rectangle"):
        region.box(viewer.layers[0])


def test_a_click_after_pick_moves_the_cursor_there_and_only_that_one(region, viewer):
    before = list(viewer.mouse_drag_callbacks)
    region.pick.setChecked(True)
    callback = viewer.mouse_drag_callbacks[-1]
    event = SimpleNamespace(type="mouse_press", position=(112.0, 5.0, 20.0))
    drag = callback(viewer, event)
    next(drag)
    event.type = "mouse_release"
    next(drag, None)
    assert viewer.dims.point == (112.0, 5.0, 20.0)
    assert not region.pick.isChecked()
    assert viewer.mouse_drag_callbacks == before


@pytest.mark.parametrize(("axis", "shape"), [(0, (1, 40, 60)), (1, (20, 1, 60)), (2, (20, 40, 1))])
def test_the_slice_in_view_is_one_slice_across_the_models_axis(region, viewer, axis, shape):
    layer = viewer.layers[0]
    region.offer_slice(axis)
    region.choose("slice")
    viewer.dims.set_point(range(3), layer.data_to_world((5, 6, 7)))
    box = region.box(layer)
    assert box.shape == shape
    assert box.start[axis] == region.first_slice(layer) == 5 + axis


def test_the_slice_in_view_is_offered_for_models_of_slices_alone(region, viewer):
    region.choose("slice")
    assert region.kind.currentData() == "whole"
    assert region.first_slice(viewer.layers[0]) is None
    region.offer_slice(0)
    region.choose("slice")
    assert region.kind.currentData() == "slice"
    region.offer_slice(None)
    assert region.box(viewer.layers[0]) == Box.whole((20, 40, 60))


def test_a_slice_beside_the_scan_is_refused_and_the_nearest_one_begins(region, viewer):
    viewer.add_points([[900, 900, 900]])
    region.offer_slice(0)
    region.choose("slice")
    viewer.dims.set_point(range(3), (900, 0, 10))
    assert region.first_slice(viewer.layers[0]) == 19
    with pytest.raises(PreparationError, match="20 × 40 × 60"):
        region.box(viewer.layers[0])


def test_moving_the_cursor_tells_of_a_change_only_where_it_matters(qtbot, region, viewer):
    with qtbot.assertNotEmitted(region.changed):
        viewer.dims.set_point(0, 104)
    region.choose("box")
    with qtbot.waitSignal(region.changed):
        viewer.dims.set_point(0, 110)
