"""A rater's read in the viewer: the scan, the lesions as labels, the points; and the drawing back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import UInt8
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points
from napari.utils.colormaps import DirectLabelColormap

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.layers.adding import selection_kept
from napari_diffseg.layers.looks import colours_of
from napari_diffseg.layers.scans import scan_layers
from napari_diffseg.layers.source import Source
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume import Scan

_PALETTE = ("#56b4e9", "#e69f00", "#3fc59a", "#f0e442", "#cc79a7", "#e8743b", "#7f9cf5", "#b3d465")
"""After Okabe and Ito, lighter where grey would swallow them: told apart by the colour-blind too."""

_POINT_MM = 8.0
_BRUSH = 5


@dataclass(frozen=True, slots=True)
class Window:
    """How a person looked at a case.

    Args:
        limits: grey values from black to white by channel, where they chose them.
        order: of the axes, so that the next case is seen in the same plane.
    """

    limits: dict[str, tuple[float, float]]
    order: tuple[int, ...]


class ReadLayers:
    """The layers of one read, made in the window's thread and used in it.

    Args:
        viewer: gets the layers.
        scan: the case's.
        mask: of the read, C order; the labels layer shows this very array.
        classes: of the project.
        name: of the case.
        window: how the person looked at the case before; None for the first one.

    Attributes:
        images: one a channel.
        labels: values as in raters.lesion.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        scan: Scan,
        mask: UInt8[np.ndarray, "D H W"],
        classes: Sequence[ClassInfo],
        *,
        name: str,
        window: Window | None = None,
    ) -> None:
        self._viewer, self._scan, self._mask, self._classes = viewer, scan, mask, tuple(classes)
        self._source, self._removing = Source.of_scan(scan), False
        self.images = [self._add_image(data, look) for data, look, _ in scan_layers(scan, name)]
        self._automatic = [tuple(image.contrast_limits) for image in self.images]
        self.labels = self._add_labels(name)
        self.points: Points | None = None
        if window is not None:
            self._show_in(window)

    @property
    def layers(self) -> list[Layer]:
        """Those that are still in the viewer."""
        made = [*self.images, self.labels, self.points]
        return [layer for layer in made if layer is not None and layer in self._viewer.layers]

    @property
    def window(self) -> Window:
        """How the person looks at the case."""
        chosen: dict[str, tuple[float, float]] = {}
        for channel, image, before in zip(self._scan.channels, self.images, self._automatic, strict=True):
            low, high = (float(limit) for limit in image.contrast_limits)
            if (low, high) != before:
                chosen[channel] = low, high
        return Window(chosen, tuple(self._viewer.dims.order))

    def drawing(self) -> UInt8[np.ndarray, "D H W"]:
        """The array that is drawn in.

        Raises:
            RaterProjectError: somebody gave the layer another one that cannot be a read's.
        """
        data = self.labels.data
        if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != self._mask.shape:
            raise RaterProjectError(
                f"The voxels of the layer “{self.labels.name}” were replaced by others, so they cannot be "
                "saved any more. Open the case again; what was saved before is untouched."
            )
        return data

    def is_gone(self) -> bool:
        """Whether somebody deleted the layer that is drawn in."""
        return not self._removing and self.labels not in self._viewer.layers

    def colour_of(self, number: int) -> str:
        """Of a class or a lesion, as #rrggbb."""
        return lesion_colour(number, self._classes)

    def show_points(self, lesions: Iterable[Lesion]) -> None:
        """Show the places of lesions that are points, as rings."""
        placed = [lesion for lesion in lesions if lesion.voxel is not None]
        if self.points is None and placed:
            self.points = self._add_points()
        if self.points is None or self.points not in self._viewer.layers:
            return
        places = np.array([lesion.voxel for lesion in placed], dtype=float).reshape(-1, 3)
        if np.array_equal(places, self.points.data):
            return
        self.points.editable = True
        self.points.data = places
        if placed:
            self.points.border_color = [self.colour_of(lesion.number) for lesion in placed]
        self.points.selected_data = set()
        self.points.editable = False

    def freeze(self) -> None:
        """Let nothing be drawn any more."""
        self.labels.editable = False

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        self._removing = True
        for layer in self.layers:
            self._viewer.layers.remove(layer)

    def _add_image(self, data: np.ndarray, look: dict[str, Any]) -> Image:
        layer = Image(data, **look)
        self._viewer.add_layer(layer)
        return layer

    def _show_in(self, window: Window) -> None:
        if len(window.order) == self._viewer.dims.ndim:
            self._viewer.dims.order = window.order
        for channel, image in zip(self._scan.channels, self.images, strict=True):
            if channel in window.limits:
                low, high = window.limits[channel]
                widest = image.contrast_limits_range
                image.contrast_limits_range = (min(low, widest[0]), max(high, widest[1]))
                image.contrast_limits = (low, high)

    def _add_labels(self, name: str) -> Labels:
        layer = Labels(
            self._mask,
            name=f"read · {name}",
            opacity=0.5,
            colormap=lesion_colours(self._classes),
            features=_names(self._classes),
            **self._source.placing(),
        )
        layer.brush_size = _BRUSH
        self._viewer.add_layer(layer)
        self._viewer.layers.selection = {layer}
        return layer

    def _add_points(self) -> Points:
        layer = Points(
            np.zeros((0, 3)),
            ndim=3,
            name="points",
            size=_POINT_MM / min(self._scan.grid.spacing_mm),
            face_color="transparent",
            border_width=0.07,
            **self._source.placing(),
        )
        with selection_kept(self._viewer):
            self._viewer.add_layer(layer)
        return layer


def lesion_colour(number: int, classes: Sequence[ClassInfo]) -> str:
    """Of a class the class's own, of a lesion one that its neighbours in number do not have."""
    if number <= len(classes):
        return classes[number - 1].colour
    return _PALETTE[(number - len(classes) - 1) % len(_PALETTE)]


def lesion_colours(classes: Sequence[ClassInfo]) -> DirectLabelColormap:
    """The colours of all numbers that a read's mask may hold."""
    colours = dict(colours_of(classes).color_dict)
    colours |= {number: lesion_colour(number, classes) for number in range(len(classes) + 1, 256)}
    return DirectLabelColormap(color_dict=colours)


def _names(classes: Sequence[ClassInfo]) -> pd.DataFrame:
    lesions = [f"lesion {number}" for number in range(len(classes) + 1, 256)]
    names = ["background", *(info.name for info in classes), *lesions]
    return pd.DataFrame({"index": range(256), "name": names})
