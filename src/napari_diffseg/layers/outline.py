"""The region that is about to be computed, drawn in the viewer."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8
from napari.components import ViewerModel
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_diffseg.layers.adding import selection_kept
from napari_diffseg.volume import Box
from napari_diffseg.volume.grid import Shape

_COLOUR = "#33ccff"


class RegionOutline:
    """A box as a frame, one voxel thick, in every slice that it covers.

    It is a labels layer of the box's own voxels; napari's bounding boxes would be lighter, and crash its
    canvas when their layer is removed beside others that are added. One that the person deletes stays
    away until the next `show` after a `hide`.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layer: Labels | None = None

    def show(self, scan: Image, box: Box) -> None:
        """Draw the box, or move it there."""
        corner = np.asarray(scan.data_to_world([start - 1 for start in box.start]))
        if self._layer is None:
            self._add(scan, box, corner)
            return
        if self._layer.data.shape != _framed(box.shape):
            self._layer.data = _frame(box.shape)
        if not np.allclose(self._layer.translate, corner):
            self._layer.translate = corner

    def hide(self) -> None:
        """Take it away."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _add(self, scan: Image, box: Box, corner: np.ndarray) -> None:
        layer = self._layer = Labels(
            _frame(box.shape),
            name="region",
            opacity=0.7,
            colormap=DirectLabelColormap(color_dict={None: "transparent", 0: "transparent", 1: _COLOUR}),
            scale=scan.scale,
            translate=corner,
            units=scan.units,
            axis_labels=scan.axis_labels,
        )
        layer.contour = 1
        layer.editable = False
        with selection_kept(self._viewer):
            self._viewer.add_layer(layer)


def _framed(shape: Shape) -> Shape:
    """With the background around it that makes its border one."""
    d, h, w = shape
    return d + 2, h + 2, w + 2


def _frame(shape: Shape) -> UInt8[np.ndarray, "D H W"]:
    frame = np.zeros(_framed(shape), dtype=np.uint8)
    frame[1:-1, 1:-1, 1:-1] = 1
    return frame
