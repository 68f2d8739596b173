"""Several masks as thin outlines beside one another, in whichever slice is in view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, Float64
from napari.components import ViewerModel
from napari.layers import Vectors
from napari.utils.colormaps.standardize_color import transform_color

from napari_diffseg.layers.source import Source

_NORMALS = ((-1, 0), (1, 0), (0, -1), (0, 1))
_WIDTH_PIXELS = 2.0  # of the screen
_WIDEST = 0.16  # of a voxel: eight lines fit beside one another
_NO_LINES = np.zeros((0, 2, 3))


class Contours:
    """One layer of lines along the voxels' borders; where masks share a border, each has a line of its own.

    Outlines of a labels layer are a voxel wide, so that those of small lesions hide one another. In three
    dimensions nothing is drawn.

    Args:
        viewer: gets the layer, and says which slice is seen.
        masks: on one box of a scan.
        colours: of each, #rrggbb.
        source: of the box.
        name: of the layer.

    Attributes:
        layer: in the viewer.
        shown: whether each mask is.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        masks: Sequence[Bool[np.ndarray, "d h w"]],
        colours: Sequence[str],
        *,
        source: Source,
        name: str,
    ) -> None:
        self._viewer, self._masks = viewer, tuple(masks)
        self._colours = transform_color(list(colours))
        self.shown = [True] * len(self._masks)
        # an empty layer would have no place of its own, and pull the view towards the origin
        self.layer = Vectors(
            np.zeros((1, 2, 3)),
            name=name,
            vector_style="line",
            edge_width=_WIDEST,
            opacity=1.0,
            **source.placing(),
        )
        viewer.add_layer(self.layer)
        self._events = (viewer.dims.events.point, viewer.dims.events.order, viewer.dims.events.ndisplay)
        for event in (*self._events, viewer.scene.camera.events.zoom):
            event.connect(self.draw)
        self.draw()

    def show(self, place: int, shown: bool) -> None:
        """Show or hide one of the masks."""
        self.shown[place] = shown
        self.draw()

    def remove(self) -> None:
        """Draw no more; the caller takes the layer away."""
        for event in (*self._events, self._viewer.scene.camera.events.zoom):
            event.disconnect(self.draw)

    def draw(self, event: object = None) -> None:
        """Draw the slice in view anew."""
        if self.layer not in self._viewer.layers:
            return
        lines, colours = self._lines()
        self.layer.data = lines if len(lines) else np.full((1, 2, 3), -1e-3)
        self.layer.edge_color = colours if len(lines) else "transparent"
        if not np.isclose(self.layer.edge_width, width := self._width()):
            self.layer.edge_width = (
                width  # napari draws the thumbnail anew, which takes longer than the lines
            )

    def _lines(self) -> tuple[Float64[np.ndarray, "line 2 3"], Float32[np.ndarray, "line rgba"]]:
        if self._viewer.dims.ndisplay != 2:
            return _NO_LINES, self._colours[:0]
        axis, first, second = (axis - self._viewer.dims.ndim + 3 for axis in self._viewer.dims.order[-3:])
        here = self.layer.world_to_data(self._viewer.dims.point[-3:])[axis]
        number, width = round(float(here)), self._width()
        found, counts = [_NO_LINES], [0] * len(self._masks)
        for place, mask in enumerate(self._masks):
            if not self.shown[place] or not 0 <= number < mask.shape[axis]:
                continue
            plane = mask.take(number, axis)
            flat = outline(plane if first < second else plane.T, inset=(place + 0.5) * width)
            lines = np.zeros((len(flat), 2, 3))
            lines[:, 0, axis] = here
            lines[:, :, first], lines[:, :, second] = flat[:, :, 0], flat[:, :, 1]
            found.append(lines)
            counts[place] = len(lines)
        return np.concatenate(found), np.repeat(self._colours, counts, axis=0)

    def _width(self) -> float:
        """Of a line, in voxels."""
        edge_mm = min(self.layer.scale[-2:])
        pixels = float(self._viewer.scene.camera.zoom) * edge_mm
        return min(_WIDEST, _WIDTH_PIXELS / pixels) if pixels > 0 else _WIDEST


def outline(mask: Bool[np.ndarray, "H W"], *, inset: float = 0.0) -> Float64[np.ndarray, "line 2 2"]:
    """The borders of a mask's pixels as lines: start, and the way to the end, as (h, w) of pixel centres.

    Args:
        mask: of one slice.
        inset: how far within the mask the lines run, in pixels; below 0.5 they meet at every corner.
    """
    padded = np.pad(mask, 1)
    found = [np.zeros((0, 2, 2))]
    for normal in _NORMALS:
        across, along = np.array(normal), np.abs(normal[::-1])
        cells = np.argwhere(padded & ~_shifted(padded, across))
        ends = [_reach(padded, cells, side * along, across, inset) for side in (-1, 1)]
        start = cells - 1 + across * (0.5 - inset) - along * ends[0][:, None]
        found.append(np.stack([start, along * (ends[0] + ends[1])[:, None]], axis=1))
    return np.concatenate(found)


def _shifted(padded: Bool[np.ndarray, "H W"], by: np.ndarray) -> Bool[np.ndarray, "H W"]:
    """At each pixel, what its neighbour there holds; nothing is marked at the rim."""
    return np.roll(padded, tuple(-by), axis=(0, 1))


def _reach(
    padded: Bool[np.ndarray, "H W"],
    cells: np.ndarray,
    along: np.ndarray,
    across: np.ndarray,
    inset: float,
) -> Float64[np.ndarray, " line"]:
    """From a pixel's middle to the end of its line: shorter at an outer corner, longer at an inner one."""
    beside = padded[tuple((cells + along).T)]
    beyond = padded[tuple((cells + along + across).T)]
    return np.where(~beside, 0.5 - inset, np.where(beyond, 0.5 + inset, 0.5))
