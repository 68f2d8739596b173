"""A run's results as layers: made once at its start, filled while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import UInt8
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap

from napari_diffseg.layers.adding import leading_axis_added, selection_kept
from napari_diffseg.layers.arrays import ResultArrays
from napari_diffseg.layers.looks import GREATEST_VARIANCE, colours_of, fading, names_of
from napari_diffseg.layers.pace import Later, Pace
from napari_diffseg.layers.source import METADATA_KEY, Source
from napari_diffseg.results.options import SliceAxis
from napari_diffseg.results.result import ClassInfo, Result
from napari_diffseg.volume import Scan

_BEING_DRAWN = "#7cff4f"  # in no usual palette of classes, nor in the mean's colormap


class ResultLayers:
    """The layers of one run. It lives in the window's thread, and all of its methods are called there.

    A layer that the person deletes is left alone from then on; one that they rename keeps their name.

    Args:
        viewer: gets the layers. From the second run in it on, names end in the run's number.
        arrays: what the layers show; the run's thread fills them.
        scan: that is segmented.
        classes: foreground classes in order.
        slice_axis: across which members are drawn slice by slice; their layer says so.
        later: calls back in the window's thread after so many seconds: `qt_later`, or None for a
            program without an event loop.

    Attributes:
        run: number among the runs of the viewer, from 1.
        mean: of the chosen class, contrast from 0 to 1.
        variance: of the chosen class, contrast from 0 to 0.25; starts hidden; None for a single member.
        consensus: not editable before `finish`, the person's own after it.
        members: one label map a member, a first axis "member"; None unless kept.
        preview: outline of the member being drawn, until `finish`; None without live preview.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        arrays: ResultArrays,
        scan: Scan,
        classes: Sequence[ClassInfo],
        *,
        slice_axis: SliceAxis | None = None,
        later: Later | None = None,
    ) -> None:
        self._viewer, self._arrays, self._classes = viewer, arrays, tuple(classes)
        self._scan_name = scan.name
        self.run = _next_run(viewer)
        self._source = replace(
            Source.of_scan(scan), modality="", box=arrays.box, run=self.run, slice_axis=slice_axis
        )
        self._result: Result | None = None
        with selection_kept(viewer):
            self.mean = self._add_map("mean", arrays.mean, 1.0, "plasma")
            self.variance = None if arrays.variance is None else self._add_variance(arrays.variance)
            self.members = None if arrays.members is None else self._add_members(arrays.members)
            self.consensus = self._add_outline("consensus", arrays.consensus)
            self.preview = None if arrays.preview is None else self._add_preview(arrays.preview)
        self._names = {layer: layer.name for layer in (self.mean, self.variance) if layer is not None}
        self._seen = (0, 0)
        self._pace = Pace(self._draw, later)

    @property
    def layers(self) -> list[Layer]:
        """Those of the run that are still in the viewer."""
        made = (self.mean, self.variance, self.members, self.consensus, self.preview)
        return [layer for layer in made if layer is not None and layer in self._viewer.layers]

    def refresh(self) -> None:
        """Show what the arrays hold by now, or soon, or at the next call: as often as drawing allows."""
        if self._written() != self._seen:
            self._pace.ask()

    def choose_class(self, index: int) -> None:
        """Show mean and variance of another class, during the run or after it.

        Args:
            index: of the class, from 0.
        """
        self._arrays.choose_class(index)
        for layer, what in ((self.mean, "mean"), (self.variance, "variance")):
            if layer is None or layer not in self._viewer.layers:
                continue
            if layer.name == self._names[layer]:  # not a name of the person's own
                layer.name = self._name(f"{what} ({self._classes[index].name})")
                self._names[layer] = layer.name
            layer.refresh()

    def finish(self, result: Result) -> None:
        """Leave the final layers: the consensus to be corrected, no preview, no undefined variance.

        Args:
            result: of the run; `arrays.write` has had its Finished before.
        """
        self._pace.stop()
        self._result = result
        self._source = replace(self._source, provenance=result.provenance)
        # napari collects garbage with every layer removed: some 0.2 s in which the window stands still
        self._remove(self.preview, *(() if result.variance is not None else (self.variance,)))
        if self.members in self.layers and self.members is not None:
            # never painted, so there is no undo history that could write into the new array
            self.members.data = result.members
            self.members.editable = False  # new data made it so
        for layer in self.layers:
            layer.metadata[METADATA_KEY] = self._source
            layer.refresh()
        self.consensus.editable = True

    def discard(self) -> None:
        """Remove the run's layers: it ended without a finished member."""
        self._pace.stop()
        self._remove(*self.layers)

    def edited_consensus(self) -> UInt8[np.ndarray, "D H W"] | None:
        """A copy of the consensus as the person corrected it.

        Returns:
            None when the run is not finished, the layer is gone, or nothing differs.
        """
        if self._result is None or self.consensus not in self._viewer.layers:
            return None
        shown = np.asarray(self.consensus.data)
        if shown.shape != self._result.consensus.shape or np.array_equal(shown, self._result.consensus):
            return None
        return shown.astype(np.uint8)

    def _draw(self) -> None:
        written, seen = self._written(), self._seen
        self._seen = written
        for layer in self.layers:
            by = int(layer is self.preview)
            if written[by] != seen[by]:
                layer.refresh(thumbnail=False, extent=False, highlight=False)

    def _written(self) -> tuple[int, int]:
        return self._arrays.members_done, self._arrays.previews

    def _add_map(self, what: str, data: np.ndarray, greatest: float, colormap: str) -> Image:
        layer = Image(
            data,
            name=self._name(f"{what} ({self._classes[self._arrays.shown].name})"),
            colormap=fading(colormap),
            contrast_limits=(0.0, greatest),
            **self._source.placing(),
        )
        self._viewer.add_layer(layer)
        return layer

    def _add_variance(self, data: np.ndarray) -> Image:
        layer = self._add_map("variance", data, GREATEST_VARIANCE, "viridis")
        layer.visible = False
        return layer

    def _add_labels(self, what: str, data: np.ndarray, leading: str = "", **look: Any) -> Labels:
        layer = Labels(
            data,
            name=self._name(what),
            features=names_of(self._classes),
            **{"colormap": colours_of(self._classes), **look},
            **self._source.placing(leading),
        )
        layer.editable = False
        self._viewer.add_layer(layer)
        return layer

    def _add_members(self, data: np.ndarray) -> Labels:
        what = "members" if self._source.slice_axis is None else "members, slice-wise"
        with leading_axis_added(self._viewer):
            return self._add_labels(what, data, "member", opacity=0.4)

    def _add_preview(self, data: np.ndarray) -> Labels:
        colormap = DirectLabelColormap(color_dict={None: _BEING_DRAWN, 0: "transparent"})
        return self._add_outline("being drawn", data, colormap=colormap)

    def _add_outline(self, what: str, data: np.ndarray, **look: Any) -> Labels:
        layer = self._add_labels(what, data, opacity=1.0, **look)
        layer.contour = 1  # the scan and the mean stay in sight
        return layer

    def _name(self, what: str) -> str:
        name = f"{what} · {self._scan_name}"  # what first: the layer list cuts names in the middle
        return f"{name} · run {self.run}" if self.run > 1 else name

    def _remove(self, *layers: Layer | None) -> None:
        for layer in layers:
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)


def _next_run(viewer: ViewerModel) -> int:
    sources = (layer.metadata.get(METADATA_KEY) for layer in viewer.layers)
    return 1 + max((source.run for source in sources if isinstance(source, Source)), default=0)
