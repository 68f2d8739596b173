import numpy as np
import pytest
from napari.components import ViewerModel

from napari_diffseg.layers import RegionOutline
from napari_diffseg.volume import Box


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((20, 40, 60)), scale=(2.0, 1.0, 0.5), translate=(100, -20, 7))
    return viewer


def covered(viewer):
    """Voxels of the scan under the outline's layer."""
    layer, scan = viewer.layers["region"], viewer.layers[0]
    inside = np.argwhere(layer.data)
    corners = [scan.world_to_data(layer.data_to_world(voxel)) for voxel in (inside.min(0), inside.max(0))]
    start, last = (tuple(round(n) for n in corner) for corner in corners)
    return Box(start, tuple(n + 1 for n in last))


@pytest.mark.parametrize("box", [Box((1, 2, 3), (5, 9, 40)), Box((0, 0, 0), (20, 40, 60))])
def test_the_outline_covers_the_box_and_no_more(viewer, box):
    RegionOutline(viewer).show(viewer.layers[0], box)
    assert covered(viewer) == box


def test_it_moves_and_grows_with_the_box_and_stays_one_layer(viewer):
    outline = RegionOutline(viewer)
    for box in (Box((1, 2, 3), (5, 9, 40)), Box((4, 2, 3), (8, 9, 40)), Box((0, 0, 0), (9, 9, 9))):
        outline.show(viewer.layers[0], box)
        assert covered(viewer) == box
    assert len(viewer.layers) == 2


def test_it_leaves_the_selection_alone_and_goes_away(viewer):
    outline, scan = RegionOutline(viewer), viewer.layers[0]
    viewer.layers.selection = {scan}
    outline.show(scan, Box((1, 2, 3), (5, 9, 40)))
    assert set(viewer.layers.selection) == {scan}
    outline.hide()
    outline.hide()
    assert list(viewer.layers) == [scan]


def test_one_that_was_deleted_stays_away_until_it_was_hidden(viewer):
    outline, scan, box = RegionOutline(viewer), viewer.layers[0], Box((1, 2, 3), (5, 9, 40))
    outline.show(scan, box)
    viewer.layers.remove("region")
    outline.show(scan, box)
    assert len(viewer.layers) == 1
    outline.hide()
    outline.show(scan, box)
    assert len(viewer.layers) == 2
