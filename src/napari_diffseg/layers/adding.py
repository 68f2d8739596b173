"""Adding layers while a person looks at others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from napari.components import ViewerModel


@contextmanager
def selection_kept(viewer: ViewerModel) -> Iterator[None]:
    """Leave the layers selected that were, if any was, and not what is added meanwhile."""
    selected = set(viewer.layers.selection)
    yield
    if selected:
        viewer.layers.selection = selected


@contextmanager
def leading_axis_added(viewer: ViewerModel) -> Iterator[None]:
    """Leave the view as it is while a layer with an axis before the scan's three is added."""
    camera = viewer.scene.camera
    zoom, centre, angles = camera.zoom, camera.center, camera.angles
    yield
    camera.zoom, camera.center, camera.angles = zoom, centre, angles  # an axis more reset the view
    rollable = [True] * viewer.dims.ndim
    rollable[-4] = False  # the button that turns the volume must not bring the axis into the picture
    viewer.dims.rollable = tuple(rollable)
