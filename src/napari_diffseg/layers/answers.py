"""A model's answers for one lesion in the viewer, one at a time, before a rater takes one as a start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8
from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_diffseg.layers.adding import selection_kept
from napari_diffseg.raters.boxes import box_of
from napari_diffseg.volume import Box

_COLOUR = "#ffffff"  # of no lesion


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a model would draw as one lesion, in the place of what the lesion has.

    Args:
        number: of the lesion.
        box: of the scan's voxels.
        voxels: on the box.
    """

    number: int
    box: Box
    voxels: Bool[np.ndarray, "d h w"]

    def on(self, mask: UInt8[np.ndarray, "D H W"]) -> UInt8[np.ndarray, "D H W"]:
        """A copy of a read's mask with the answer in it; voxels of other lesions stay theirs."""
        changed = mask.copy()
        changed[changed == self.number] = 0
        part = changed[self.box.slices]
        part[self.voxels & (part == 0)] = self.number
        return changed

    def draw_in(self, labels: Labels) -> None:
        """Draw the answer in a read's layer: one step of its undo."""
        before = box_of(labels.data, self.number) or self.box
        start = np.minimum(before.start, self.box.start)
        region = tuple(map(slice, start, np.maximum(before.stop, self.box.stop)))
        d, h, w = (self.box.start - start).tolist()
        inside = Box((d, h, w), (d + self.box.shape[0], h + self.box.shape[1], w + self.box.shape[2]))
        part = labels.data[region]
        wanted = Answer(self.number, inside, self.voxels).on(part)
        places = np.nonzero(part != wanted)
        if len(places[0]):
            within = tuple(place + first for place, first in zip(places, start, strict=True))
            labels.data_setitem(within, wanted[places])


class AnswerLayer:
    """The outline of one answer; nothing of it is in the read.

    Args:
        viewer: gets the layer.
        labels: layer of the read, on whose voxels the answers lie.
        box: of its voxels.
        answers: on the box.
    """

    def __init__(
        self, viewer: ViewerModel, labels: Labels, box: Box, answers: Bool[np.ndarray, "member d h w"]
    ) -> None:
        self._viewer, self._answers = viewer, answers
        corner = labels.data_to_world(box.start)
        self.layer = Labels(
            answers[0].astype(np.uint8),
            name="a model’s answer",
            colormap=DirectLabelColormap(color_dict={None: "transparent", 0: "transparent", 1: _COLOUR}),
            scale=labels.scale,
            translate=corner,
            units=labels.units,
            axis_labels=labels.axis_labels,
        )
        self.layer.contour = 1
        self.layer.editable = False
        with selection_kept(viewer):
            viewer.add_layer(self.layer)

    def show(self, member: int) -> None:
        """Show another answer."""
        np.copyto(self.layer.data, self._answers[member])
        self.layer.refresh()

    def remove(self) -> None:
        """Take the layer away."""
        if self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
