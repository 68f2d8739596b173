"""A read as layers: what is shown, how tools draw so that undo knows, and where the viewer looks."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.layers import get_reader, scan_of
from napari_diffseg.layers.read_tools import ReadTools
from napari_diffseg.layers.read_view import ReadView
from napari_diffseg.layers.reads import ReadLayers, lesion_colour
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.results.result import ClassInfo

NODULE = (ClassInfo("nodule", "#e4572e"),)


@pytest.fixture
def scan(crop_path):
    ((data, look, _),) = get_reader(str(crop_path))(str(crop_path))
    from napari.layers import Image

    return scan_of([Image(data, **look)], ["image"])


@pytest.fixture
def shown(scan):
    """Layers of an empty read in a viewer without a window."""

    def show(mask=None, viewer=None, **options):
        data = np.zeros(scan.grid.shape, dtype=np.uint8) if mask is None else mask
        return ReadLayers(viewer or ViewerModel(), scan, data, NODULE, name="case 1", **options)

    return show


@pytest.fixture
def tools(shown, scan):
    layers = shown()
    layers.labels.selected_label = 2
    at = {"slice": 5, "axis": 0}
    tools = ReadTools(layers.labels, scan.grid.spacing_mm, lambda: (at["axis"], at["slice"]))
    return layers.labels, tools, at


def draw(labels, at, radius=4, number=2):
    labels.brush_size = 2 * radius
    labels.paint(at, number)


def steps(labels):
    return len(labels._undo_history)


def test_the_layer_shows_the_read_s_own_array_on_the_scan(shown, scan):
    mask = np.zeros(scan.grid.shape, dtype=np.uint8)
    layers = shown(mask)
    assert layers.labels.data is mask
    assert layers.drawing() is mask
    assert tuple(layers.labels.scale) == pytest.approx(scan.grid.spacing_mm)
    assert layers.labels.units == layers.images[0].units


def test_neighbouring_lesions_have_colours_of_their_own():
    colours = [lesion_colour(number, NODULE) for number in range(1, 9)]
    assert len(set(colours)) == 8
    assert colours[0] == "#e4572e"


def test_an_array_that_cannot_be_a_read_s_is_refused_with_what_to_do(shown):
    layers = shown()
    layers.labels.data = np.zeros((4, 5, 6), dtype=np.uint8)
    with pytest.raises(RaterProjectError, match="Open the case again"):
        layers.drawing()
    layers = shown()
    layers.labels.data = layers.labels.data.astype(np.int32)
    with pytest.raises(RaterProjectError, match="replaced by others"):
        layers.drawing()


def test_points_are_rings_that_nobody_drags_away(shown):
    layers = shown()
    layers.show_points([Lesion(number=2, kind="nodule")])
    assert layers.points is None
    layers.show_points([Lesion(number=256, kind="non-nodule", voxel=(3, 4, 5))])
    assert layers.points.data.tolist() == [[3, 4, 5]]
    assert not layers.points.editable
    layers.show_points([])
    assert len(layers.points.data) == 0


def test_grey_values_that_a_person_chose_go_on_to_the_next_case(shown):
    layers = shown()
    assert layers.window.limits == {}
    layers.images[0].contrast_limits = (10, 60)
    following = shown(window=layers.window)
    assert tuple(following.images[0].contrast_limits) == (10, 60)
    assert following.window == layers.window


def test_a_layer_that_was_deleted_is_noticed_and_one_that_we_remove_is_not(shown):
    viewer = ViewerModel()
    layers = shown(viewer=viewer)
    viewer.layers.remove(layers.labels)
    assert layers.is_gone()
    others = shown(viewer=viewer)
    others.remove()
    assert not others.is_gone()
    assert others.layers == []


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ("interpolate", "Filled 3 slices"),
        ("copy_previous", "Copied from slice 4"),
        ("smooth", "Smoothed"),
        ("smooth_all", "Smoothed"),
        ("keep_largest", "Erased"),
    ],
)
def test_each_tool_is_one_step_of_undo_and_redo(tools, use, said):
    labels, own, at = tools
    draw(labels, (4, 20, 16), radius=5)
    draw(labels, (8, 20, 16), radius=3)
    draw(labels, (20, 8, 8), radius=1)
    if use == "interpolate":
        labels.data[20] = 0
    if use == "smooth":
        at["slice"] = 4
        labels.paint((4, 20, 24), 2)
    before, done = labels.data.copy(), steps(labels)
    assert said in getattr(own, use)()
    after = labels.data.copy()
    assert not np.array_equal(before, after)
    assert steps(labels) == done + 1
    labels.undo()
    assert np.array_equal(labels.data, before)
    labels.redo()
    assert np.array_equal(labels.data, after)


@pytest.mark.parametrize("use", ["interpolate", "copy_previous", "smooth", "smooth_all", "keep_largest"])
def test_a_tool_with_nothing_to_do_says_so_and_leaves_undo_alone(tools, use):
    labels, own, _ = tools
    assert getattr(own, use)()
    assert not labels.data.any()
    assert steps(labels) == 0


def test_tools_never_touch_another_lesion(tools):
    labels, own, _ = tools
    draw(labels, (4, 20, 16), radius=6)
    draw(labels, (8, 20, 16), radius=6)
    labels.data[6] = 3
    own.interpolate()
    own.smooth_all()
    assert (labels.data[6] == 3).all()
    assert (labels.data[5] == 2).any()


def test_copying_in_another_plane_follows_the_view(tools):
    labels, own, at = tools
    labels.data[10:14, 7, 10:14] = 2
    at.update(axis=1, slice=8)
    assert own.copy_previous() == "Copied from slice 7."
    assert np.array_equal(labels.data[:, 8], labels.data[:, 7])


def test_the_first_slice_with_something_is_shown_otherwise_the_middle(shown, scan):
    viewer = ViewerModel()
    layers = shown(viewer=viewer)
    view = ReadView(viewer, layers.labels)
    view.begin()
    assert view.slice_in_view() == (0, scan.grid.shape[0] // 2)
    layers.labels.data[7:12, 20:24, 10:15] = 2
    view.begin()
    assert view.slice_in_view() == (0, 7)
    viewer.dims.order = (1, 0, 2)
    view.begin()
    assert view.slice_in_view() == (1, 20)


def test_going_to_a_lesion_shows_the_slice_with_most_of_it(shown):
    viewer = ViewerModel()
    layers = shown(viewer=viewer)
    view = ReadView(viewer, layers.labels)
    view.begin()
    layers.labels.data[7:12, 20, 10] = 2
    layers.labels.data[9, 18:24, 8:13] = 2
    assert view.go_to(2)
    assert view.slice_in_view() == (0, 9)
    assert not view.go_to(3)
    assert view.go_to(256, (3, 4, 5))
    assert view.slice_in_view() == (0, 3)


def test_members_of_a_run_beside_the_read_do_not_mislead_it(shown, scan):
    viewer = ViewerModel()
    viewer.add_labels(np.zeros((5, *scan.grid.shape), dtype=np.uint8))
    layers = shown(viewer=viewer)
    layers.labels.data[9, 18:24, 8:13] = 2
    view = ReadView(viewer, layers.labels)
    view.begin()
    assert view.slice_in_view() == (0, 9)
    viewer.dims.order = (0, 2, 1, 3)
    view.begin()
    assert view.slice_in_view() == (1, 18)
