"""The reads of a case beside one another in the viewer: contours, the agreement map, what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float32, Float64, UInt8
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap

from napari_diffseg.layers.adding import leading_axis_added, selection_kept
from napari_diffseg.layers.contours import Contours
from napari_diffseg.layers.looks import colours_of, fading, names_of
from napari_diffseg.layers.reads import lesion_colour
from napari_diffseg.layers.scans import scan_layers
from napari_diffseg.layers.source import Source
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume import Box, Scan
from napari_diffseg.volume.grid import Shape

Arrangement = Literal["together", "one by one"]

_FEW, _MANY = (0.42, 0.27, 0.72, 0.25), (0.80, 0.58, 1.0, 0.45)  # violet is no reader's colour
_FILLS, _NEAREST = 0.6, 6.0


class ComparisonLayers:
    """Layers of one case and one structure at a time, on the voxels around what the readers marked.

    A layer that the person deletes is left alone.

    Args:
        viewer: gets the layers.
        scan: the case's.
        reads: to show.
        box: the voxels that reads and map are shown on.

    Attributes:
        images: one a channel.
        readers: outlines of all, or one by one a labels layer with a first axis "reader".
        votes: how many readers marked each voxel.
    """

    def __init__(self, viewer: ViewerModel, scan: Scan, reads: CaseReads, box: Box) -> None:
        self._viewer, self._reads, self._scan, self._box = viewer, reads, scan, box
        self._source = replace(Source.of_scan(scan), modality="", box=box)
        self.images = [self._add(Image(data, **look)) for data, look, _ in scan_layers(scan, reads.case)]
        self.readers: Layer | None = None
        self._contours: Contours | None = None
        self.votes: Labels | None = None
        self._extra: dict[str, Layer] = {}

    @property
    def layers(self) -> list[Layer]:
        """Those that are still in the viewer."""
        made = [*self.images, self.votes, *self._extra.values(), self.readers]
        return [layer for layer in made if layer is not None and layer in self._viewer.layers]

    def show_readers(self, label: int, arrangement: Arrangement) -> None:
        """Show a structure in every read, in the place of what was shown before."""
        visible = self.readers is None or self.readers.visible
        self._remove_readers()
        drawn = [np.asarray(read.data[self._box.slices] == label) for read in self._reads.reads]
        if arrangement == "together":
            colours = [reader_colour(place) for place in range(len(drawn))]
            with selection_kept(self._viewer):
                self._contours = Contours(
                    self._viewer, drawn, colours, source=self._source, name=self._name("readers")
                )
            self.readers = self._contours.layer
        else:
            numbered = [np.where(mask, place, 0) for place, mask in enumerate(drawn, start=1)]
            self.readers = self._add_one_by_one(np.stack(numbered).astype(np.uint8))
        self.readers.visible = visible

    def show_votes(self, votes: UInt8[np.ndarray, "D H W"], readers: int) -> None:
        """Show how many readers marked each voxel.

        Args:
            votes: of the whole scan.
            readers: whose reads count.
        """
        visible = self.votes is None or self.votes.visible
        self._remove(self.votes)
        names = ["nobody", *(f"{number} of {readers} readers" for number in range(1, readers + 1))]
        layer = self.votes = self._labels(
            votes[self._box.slices],
            "agreement",
            colormap=DirectLabelColormap(color_dict=_vote_colours(readers)),
            features=pd.DataFrame({"index": range(len(names)), "name": names}),
            opacity=1.0,
        )
        layer.visible = visible
        self._add(layer)
        below = self._viewer.layers.index(self.images[-1]) if self.images[-1] in self._viewer.layers else -1
        self._viewer.layers.move(self._viewer.layers.index(layer), below + 1)

    def show_reader(self, place: int, visible: bool) -> None:
        """Show or hide one reader's contour; nothing happens while readers are shown one by one."""
        if self._contours is not None:
            self._contours.show(place, visible)

    def show_consensus(self, labels: UInt8[np.ndarray, "D H W"], classes: Sequence[ClassInfo]) -> Labels:
        """Show one label map of the whole scan; it is the person's own to correct and save."""
        whole = replace(self._source, box=Box.whole(self._scan.grid.shape))
        layer = Labels(
            labels,
            name=self._name("consensus"),
            colormap=colours_of(classes),
            features=names_of(classes),
            opacity=0.5,
            **whole.placing(),
        )
        self._put("consensus", layer)
        return layer

    def show_share(self, what: str, share: Float32[np.ndarray, "d h w"], box: Box) -> Image:
        """Show a map from 0 to 1, such as the share of readers or of a model's members.

        Args:
            what: the layer's name begins with it; a map of this name is replaced.
            share: on the box.
            box: of the scan.
        """
        layer = Image(
            share,
            name=self._name(what),
            colormap=fading("plasma"),
            contrast_limits=(0.0, 1.0),
            **replace(self._source, box=box).placing(),
        )
        self._put(what, layer)
        return layer

    def slice_in_view(self) -> int:
        """Which axial slice the viewer is at."""
        return round(float(self._to_voxel(self._viewer.dims.point[-3:])[0]))

    def go_to(self, voxel: Shape) -> None:
        """Bring the viewer to a voxel of the scan."""
        first, edge = np.asarray(self._whole.translate_mm), np.asarray(self._whole.scan_grid.spacing_mm)
        place = first + np.asarray(voxel) * edge
        axes = range(self._viewer.dims.ndim)[-3:]
        self._viewer.dims.set_point(axes, place.tolist())

    def go_to_slice(self, number: int) -> None:
        """Bring the viewer to an axial slice of the scan, and nowhere else."""
        _, h, w = (round(at) for at in self._to_voxel(self._viewer.dims.point[-3:]).tolist())
        self.go_to((number, h, w))

    def begin(self, voxel: Shape) -> None:
        """Show the slice through a voxel, near enough to see what was marked."""
        self._viewer.reset_view()
        self.go_to(voxel)
        camera, shown = self._viewer.scene.camera, self._viewer.dims.order[-2:]
        whole, marked = np.array(self._scan.grid.shape), np.array(self._box.shape)
        nearer = min(_FILLS * whole[axis] / marked[axis] for axis in (number % 3 for number in shown))
        camera.zoom *= float(np.clip(nearer, 1, _NEAREST))
        middle = np.asarray(self._whole.translate_mm) + np.asarray(voxel) * self._scan.grid.spacing_mm
        camera.center = tuple(middle.tolist())

    def is_gone(self) -> bool:
        """Whether somebody deleted the scan's layers."""
        return not any(image in self._viewer.layers for image in self.images)

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        self._remove_readers()
        self._remove(*self.layers)

    @property
    def _whole(self) -> Source:
        return replace(self._source, box=Box.whole(self._scan.grid.shape))

    def _to_voxel(self, point: Sequence[float]) -> np.ndarray:
        first, edge = np.asarray(self._whole.translate_mm), np.asarray(self._scan.grid.spacing_mm)
        return np.asarray((np.asarray(point) - first) / edge)

    def _remove_readers(self) -> None:
        if self._contours is not None:
            self._contours.remove()
            self._contours = None
        self._remove(self.readers)
        self.readers = None

    def _add_one_by_one(self, masks: UInt8[np.ndarray, "reader d h w"]) -> Labels:
        colours = {number: reader_colour(number - 1) for number in range(1, len(masks) + 1)}
        names = ["nobody", *self._reads.raters]
        layer = self._labels(
            masks,
            "readers",
            "reader",
            colormap=DirectLabelColormap(color_dict={None: "transparent", 0: "transparent"} | colours),
            features=pd.DataFrame({"index": range(len(names)), "name": names}),
            opacity=1.0,
        )
        layer.contour = 1
        with leading_axis_added(self._viewer):
            self._add(layer)
        return layer

    def _labels(self, data: np.ndarray, what: str, leading: str = "", **look: Any) -> Labels:
        layer = Labels(data, name=self._name(what), **look, **self._source.placing(leading))
        layer.editable = False
        return layer

    def _put(self, what: str, layer: Layer) -> None:
        self._remove(self._extra.get(what))
        self._extra[what] = self._add(layer)
        if self.readers is not None and self.readers in self._viewer.layers:  # thin lines stay on top
            self._viewer.layers.move(self._viewer.layers.index(self.readers), -1)

    def _add(self, layer: Any) -> Any:
        with selection_kept(self._viewer):
            self._viewer.add_layer(layer)
        return layer

    def _name(self, what: str) -> str:
        return f"{what} · {self._reads.case}"

    def _remove(self, *layers: Layer | None) -> None:
        for layer in layers:
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)


def reader_colour(place: int) -> str:
    """Of the reader at this place, #rrggbb; told apart by the colour-blind too."""
    return lesion_colour(place + 1, ())


def vote_colour(number: int, readers: int) -> str:
    """Of voxels that so many readers marked, #rrggbb."""
    red, green, blue = (round(255 * part) for part in _scale(readers)[number - 1][:3])
    return f"#{red:02x}{green:02x}{blue:02x}"


def _scale(readers: int) -> Float64[np.ndarray, "number rgba"]:
    share = np.linspace(0, 1, readers)[:, None]
    return (1 - share) * np.array(_FEW) + share * np.array(_MANY)


def _vote_colours(readers: int) -> dict[int | None, Any]:
    none: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
    return none | dict(enumerate(_scale(readers), start=1))
