"""A training run's preview as layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float32
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer

from napari_diffseg.layers.adding import selection_kept
from napari_diffseg.layers.looks import GREATEST_VARIANCE, colours_of, fading, names_of
from napari_diffseg.layers.preview import Preview
from napari_diffseg.layers.scans import contrast_of
from napari_diffseg.layers.source import Source


class PreviewLayers:
    """Image, mean, variance and truth of a preview in a viewer; made once a case, then filled in place.

    A layer that the person deletes is left alone until another case is shown.

    Args:
        viewer: gets the layers.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._preview: Preview | None = None
        self._made: dict[str, Layer] = {}
        self._shown = 0

    @property
    def layers(self) -> list[Layer]:
        """Those that are still in the viewer."""
        return [layer for layer in self._made.values() if layer in self._viewer.layers]

    def show(self, preview: Preview) -> None:
        """Show another preview: in the same layers where it is of the same case."""
        before, self._preview = self._preview, preview
        if before is None or not preview.shows_the_place_of(before):
            self._replace(preview)
        else:
            self._fill()

    def choose_class(self, index: int) -> None:
        """Show mean and variance of another class.

        Args:
            index: of the class, from 0.
        """
        if self._preview is None:
            self._shown = index
            return
        before = {what: self._name(what) for what in self._made}
        self._shown = index
        self._fill()
        for what, layer in self._made.items():
            if layer.name == before[what]:  # not a name of the person's own
                layer.name = self._name(what)

    def clear(self) -> None:
        """Remove the layers."""
        for layer in self.layers:
            self._viewer.layers.remove(layer)
        self._made, self._preview = {}, None

    def _replace(self, preview: Preview) -> None:
        self.clear()
        self._preview, self._shown = preview, min(self._shown, len(preview.classes) - 1)
        scan = preview.scan.data[0]
        image = Image(scan.copy(), colormap="gray", contrast_limits=contrast_of(scan), **self._look("image"))
        self._made = {"image": image, "mean": self._map("mean", preview.mean, 1.0, "plasma")}
        if preview.variance is not None:
            self._made["variance"] = self._map("variance", preview.variance, GREATEST_VARIANCE, "viridis")
            self._made["variance"].visible = False
        self._made["truth"] = self._truth(preview)
        with selection_kept(self._viewer):
            for layer in self._made.values():
                self._viewer.add_layer(layer)
        self._look_at(preview)

    def _truth(self, preview: Preview) -> Labels:
        layer = Labels(
            preview.truth.copy(),
            features=names_of(preview.classes),
            colormap=colours_of(preview.classes),
            opacity=1.0,
            **self._look("truth"),
        )
        layer.contour, layer.editable = 1, False  # the mean stays in sight
        return layer

    def _map(self, what: str, maps: Float32[np.ndarray, "class D H W"], most: float, colours: str) -> Image:
        data = maps[self._shown].copy()
        return Image(data, colormap=fading(colours), contrast_limits=(0.0, most), **self._look(what))

    def _look(self, what: str) -> dict[str, Any]:
        """Name and place of a layer; the image may be segmented like any other."""
        assert self._preview is not None
        source = replace(Source.of_scan(self._preview.scan), preview=what != "image")
        return {"name": self._name(what), **source.placing()}

    def _name(self, what: str) -> str:
        assert self._preview is not None
        several = what in ("mean", "variance") and len(self._preview.classes) > 1
        of_class = f" ({self._preview.classes[self._shown].name})" if several else ""
        return f"{what}{of_class} · {self._preview.case} · training"

    def _fill(self) -> None:
        assert self._preview is not None
        maps = {"mean": self._preview.mean, "variance": self._preview.variance}
        for what, values in maps.items():
            layer = self._made.get(what)
            if layer is not None and values is not None and layer in self._viewer.layers:
                np.copyto(layer.data, values[self._shown])
                layer.refresh()

    def _look_at(self, preview: Preview) -> None:
        """The slices through the middle of the truth."""
        self._viewer.reset_view()
        marked = np.argwhere(preview.truth)
        if len(marked):
            middle = np.median(marked, axis=0)
            self._viewer.dims.set_point(range(3), self._made["truth"].data_to_world(middle))
