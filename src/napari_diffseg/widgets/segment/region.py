"""Which voxels: the whole volume, a box around the cursor, a drawn rectangle with its depth, or one slice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from magicgui.widgets import ComboBox
from napari.components import ViewerModel
from napari.layers import Image, Shapes
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QWidget,
)

from napari_diffseg.checkpoints.document import TrainingFacts
from napari_diffseg.errors import PreparationError
from napari_diffseg.layers import box_around, box_of_rectangle, box_of_slice, grid_of, slice_in_view
from napari_diffseg.results.options import SliceAxis
from napari_diffseg.volume import Box
from napari_diffseg.widgets.rows import Rows, row_of

Kind = Literal["whole", "box", "rectangle", "slice"]

_KINDS: dict[Kind, str] = {
    "whole": "Whole volume",
    "box": "Box around cursor",
    "rectangle": "Rectangle in Shapes",
    "slice": "Slice in view",
}
_WITH_PAGE = ("box", "rectangle")
_ACROSS = ("axial", "coronal", "sagittal")
_AXES = ("I–S", "A–P", "L–R")
_SIZE_MM = (40, 55, 40)


class RegionChooser(QWidget):
    """Gives the chosen region as a box of the scan's voxels.

    Signals:
        changed: the region is another one, or may be: the cursor moved.
        touched: a person chose it, in the dock or by a click; `changed` follows.
    """

    changed = Signal()
    touched = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.kind = QComboBox()
        for kind, title in _KINDS.items():
            if kind != "slice":
                self.kind.addItem(title, kind)
        self._slice_axis: SliceAxis | None = None
        self.kind.setToolTip("Only the region is computed; its result lies exactly on the scan.")
        self.sizes_mm = [_size(axis, size) for axis, size in zip(_AXES, _SIZE_MM, strict=True)]
        self.pick = QPushButton("Pick")
        self.shapes = ComboBox(choices=lambda _: self._shapes(), nullable=True)
        self.slices = QSpinBox()
        self._pages = QStackedWidget()
        self._lay_out()
        self._connect()

    def choose(self, kind: Kind) -> None:
        """Choose the kind of region; nothing happens where that is not offered."""
        if (number := self.kind.findData(kind)) >= 0:
            self.kind.setCurrentIndex(number)

    def offer_slice(self, axis: SliceAxis | None) -> None:
        """Offer the slice in view across an axis (0, 1, 2) for (D, H, W); None offers none."""
        self._slice_axis, number = axis, self.kind.findData("slice")
        if axis is None and number >= 0:
            if self.kind.currentIndex() == number:
                self.choose("whole")
            self.kind.removeItem(number)
        elif axis is not None and number < 0:
            self.kind.addItem(_KINDS["slice"], "slice")
        if axis is not None:
            tip = f"The {_ACROSS[axis]} slice that the viewer is at; the model takes such slices."
            self.kind.setItemData(self.kind.findData("slice"), tip, Qt.ItemDataRole.ToolTipRole)

    def suggest(self, training: TrainingFacts | None) -> None:
        """Set the size of the box to the middle of what a model has seen."""
        if training is None:
            return
        for spin, low, high in zip(
            self.sizes_mm, training.extent_mm.low, training.extent_mm.high, strict=True
        ):
            spin.setValue(round((low + high) / 2))

    def box(self, layer: Image) -> Box:
        """The region in voxels, clipped to the scan.

        Args:
            layer: of the scan.

        Raises:
            PreparationError: nothing of the region lies in the scan, or no rectangle is drawn.
            ScanError: the layer cannot be used as a scan.
        """
        if self.kind.currentData() == "whole":
            return Box.whole(grid_of([layer]).shape)
        if self.kind.currentData() == "box":
            d, h, w = (float(spin.value()) for spin in self.sizes_mm)
            return box_around(layer, self._viewer.dims.point, (d, h, w))
        if self.kind.currentData() == "slice" and self._slice_axis is not None:
            return box_of_slice(layer, self._viewer.dims.point, self._slice_axis)
        if self.shapes.value is None:
            raise PreparationError(
                "There is no Shapes layer. Add one (the polygon button above the layer list), and draw a "
                "rectangle in it."
            )
        return box_of_rectangle(layer, self.shapes.value, self.slices.value(), self._viewer.dims.point)

    def first_slice(self, layer: Image) -> int | None:
        """The slice to begin with: the one in view, or the scan's nearest to it; None for whole volumes.

        Raises:
            ScanError: the layer cannot be used as a scan.
        """
        if self._slice_axis is None:
            return None
        number = slice_in_view(layer, self._viewer.dims.point, self._slice_axis)
        return max(0, min(number, grid_of([layer]).shape[self._slice_axis] - 1))

    def reset_choices(self) -> None:
        """Layers came, went or were renamed."""
        self.shapes.reset_choices()
        if self.shapes.value is None and self._shapes():
            self.shapes.value = self._shapes()[-1]

    def disconnect(self) -> None:
        """Listen to the viewer no longer."""
        self._viewer.dims.events.point.disconnect(self._move)
        self.pick.setChecked(False)

    def _lay_out(self) -> None:
        self.pick.setCheckable(True)
        self.pick.setToolTip(
            "Then click the middle of the structure in the picture. Without it, the box lies where the "
            "three slices meet."
        )
        self.slices.setRange(1, 2000)
        self.slices.setValue(40)
        self.slices.setSuffix(" slices")
        self.slices.setToolTip("Slices across the rectangle, half of them before it and half behind.")
        for page in (row_of(*self.sizes_mm), row_of(self.shapes.native, self.slices)):
            self._pages.addWidget(page)
        self._pages.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        rows = Rows(self)
        rows.add("Region", self.kind, self.pick)
        rows.addRow(self._pages)
        self._turn_page()

    def _connect(self) -> None:
        self.kind.currentIndexChanged.connect(self._turn_page)
        for spin in (*self.sizes_mm, self.slices):
            spin.valueChanged.connect(self._tell_touched)
        self.shapes.changed.connect(self._tell_touched)
        self.pick.toggled.connect(self._listen_for_click)
        self._viewer.dims.events.point.connect(self._move)

    def _turn_page(self, *_: object) -> None:
        kind = self.kind.currentData()
        if kind in _WITH_PAGE:
            self._pages.setCurrentIndex(_WITH_PAGE.index(kind))
        self._pages.setVisible(kind in _WITH_PAGE)
        self.pick.setVisible(self.kind.currentData() == "box")
        self._tell_touched()

    def _listen_for_click(self, wanted: bool) -> None:
        callbacks = self._viewer.mouse_drag_callbacks
        if wanted:
            callbacks.append(self._place)
        elif self._place in callbacks:
            callbacks.remove(self._place)

    def _place(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        """Let a click say where the three slices meet; a drag still moves the picture."""
        yield
        if event.type == "mouse_release":
            viewer.dims.set_point(range(len(event.position)), event.position)
            self.pick.setChecked(False)
            self._tell_touched()

    def _move(self, *_: object) -> None:
        if self.kind.currentData() != "whole":
            self._tell()

    def _tell_touched(self, *_: object) -> None:
        self.touched.emit()
        self.changed.emit()

    def _tell(self, *_: object) -> None:
        self.changed.emit()

    def _shapes(self) -> list[Shapes]:
        return [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]


def _size(axis: str, size_mm: int) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(1, 1000)
    spin.setValue(size_mm)
    spin.setPrefix(f"{axis} ")
    spin.setSuffix(" mm")
    spin.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
    spin.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    spin.setToolTip(f"Size of the box along {axis}, in mm.")
    return spin
