"""Where a viewer looks at a case: a sensible slice at first, a lesion when asked for."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels

from napari_diffseg.raters.boxes import box_of
from napari_diffseg.volume.grid import Shape

_NEAR = 1.3  # times the zoom that shows a whole slice


class ReadView:
    """Moves the viewer on a read's labels layer.

    Args:
        viewer: that shows it.
        labels: the layer.
    """

    def __init__(self, viewer: ViewerModel, labels: Labels) -> None:
        self._viewer, self._labels = viewer, labels
        self._whole = 0.0

    def begin(self) -> None:
        """Show the first slice with something in it, otherwise the middle one; the whole of it."""
        data = self._labels.data
        axis, _ = self.slice_in_view()
        box = box_of(data)
        d, h, w = (size // 2 for size in data.shape)
        middle = [d, h, w]
        if box is not None:
            middle = [(a + b) // 2 for a, b in zip(box.start, box.stop, strict=True)]
            middle[axis] = box.start[axis]
        self._viewer.reset_view()
        self._whole = float(self._viewer.scene.camera.zoom)
        self._move((middle[0], middle[1], middle[2]))

    def slice_in_view(self) -> tuple[int, int]:
        """The axis across which slices are seen, and which one that is; in 3D, as it was before."""
        axis = max(0, self._viewer.dims.order[-3] - self._leading)
        place = self._labels.world_to_data(self._viewer.dims.point[self._leading :])
        return axis, round(float(place[axis]))

    def go_to(self, number: int, voxel: Shape | None = None) -> bool:
        """Show the slice with most voxels of a number, or one voxel where that is given.

        Returns:
            False where the number has no voxel.
        """
        place = voxel or self._middle(number)
        if place is None:
            return False
        self._move(place)
        camera = self._viewer.scene.camera
        if self._viewer.dims.ndisplay == 2 and camera.zoom > _NEAR * self._whole:
            camera.center = tuple(self._viewer.dims.point[axis] for axis in self._viewer.dims.order[-3:])
        return True

    def _middle(self, number: int) -> Shape | None:
        box = box_of(self._labels.data, number)
        if box is None:
            return None
        axis, _ = self.slice_in_view()
        drawn = self._labels.data[box.slices] == number
        others = tuple(other for other in range(3) if other != axis)
        fullest = int(drawn.sum(axis=others).argmax())
        middle = np.argwhere(drawn.take([fullest], axis)).mean(axis=0).round().astype(int) + box.start
        middle[axis] = box.start[axis] + fullest
        d, h, w = middle.tolist()
        return d, h, w

    def _move(self, voxel: Shape) -> None:
        place = self._labels.data_to_world(voxel)
        self._viewer.dims.set_point(range(self._leading, self._viewer.dims.ndim), place)

    @property
    def _leading(self) -> int:
        """Axes that other layers have before the three of the scan."""
        return self._viewer.dims.ndim - self._labels.ndim
