"""Keys that work while the read's layer is the selected one, and the sheet that lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from napari.layers import Labels
from napari.settings import get_settings
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_diffseg.widgets.plain_label import embolden, heading


@dataclass(frozen=True, slots=True)
class Key:
    """One key of ours; none is one of napari's own for labels or for the viewer.

    Args:
        key: as napari writes it.
        does: in a few words.
    """

    key: str
    does: str


LESION_KEYS = {
    "new": Key("N", "new lesion, then paint it"),
    "point": Key("T", "mark a point with the next click"),
    "next": Key(".", "next lesion"),
    "previous": Key(",", "previous lesion"),
    "go": Key("G", "go to the lesion in hand"),
    "rate": Key("R", "rate it: press the numbers, Esc goes back"),
    "delete": Key("Delete", "delete it"),
}
TOOL_KEYS = {
    "interpolate": Key("I", "interpolate between drawn slices"),
    "copy": Key("C", "copy from the slice before"),
    "smooth": Key("S", "smooth in this slice"),
    "smooth_all": Key("Shift+S", "smooth in 3D"),
    "largest": Key("K", "keep the largest piece"),
    "contour": Key("O", "contour only, or filled"),
    "larger": Key("W", "larger brush, by 5"),
    "smaller": Key("Q", "smaller brush, by 5"),
}
CASE_KEYS = {
    "next_case": Key("PageDown", "next case"),
    "previous_case": Key("PageUp", "previous case"),
}
OWN_KEYS = {**LESION_KEYS, **TOOL_KEYS, **CASE_KEYS}

_NAPARI = {
    "napari:activate_labels_paint_mode": "paint",
    "napari:activate_labels_erase_mode": "erase",
    "napari:activate_labels_polygon_mode": "polygon",
    "napari:activate_labels_fill_mode": "fill",
    "napari:activate_labels_picker_mode": "take the lesion under the cursor in hand",
    "napari:activate_labels_pan_zoom_mode": "move the picture",
    "napari:hold_for_pan_zoom": "move it while held",
    "napari:decrease_brush_size": "smaller brush",
    "napari:increase_brush_size": "larger brush",
    "napari:toggle_preserve_labels": "keep other lesions while painting",
    "napari:toggle_ndisplay": "3D view",
    "napari:increment_dims_left": "slice before",
    "napari:increment_dims_right": "slice behind",
    "napari:toggle_selected_visibility": "hide or show the drawing",
}
_KEY_WIDTH = 92
_UNDO = (("Ctrl+Z", "undo"), ("Ctrl+Shift+Z", "redo"))


class ReadKeys:
    """Binds keys to one layer; napari hears them only while that layer is selected.

    Args:
        layer: that is drawn in.
        actions: what each of OWN_KEYS does.
    """

    def __init__(self, layer: Labels, actions: Mapping[str, Callable[[], None]]) -> None:
        self._layer = layer
        for name, action in actions.items():
            layer.bind_key(OWN_KEYS[name].key, _on_press(action))

    def remove(self) -> None:
        """Unbind them."""
        for key in OWN_KEYS.values():
            self._layer.bind_key(key.key, None)


class KeySheet(QDialog):
    """All keys on one page; it stays open beside the work until it is closed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys while a read is selected")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        columns = QHBoxLayout(self)
        columns.setSpacing(28)
        ours = [_pairs(keys) for keys in (LESION_KEYS, TOOL_KEYS, CASE_KEYS)]
        left, right = QVBoxLayout(), QVBoxLayout()
        for title, pairs in zip(("Lesions", "Shapes and brush", "Cases"), ours, strict=True):
            left.addWidget(heading(title))
            left.addLayout(_grid(pairs))
        right.addWidget(heading("napari's own"))
        right.addLayout(_grid([*_napari_pairs(), *_UNDO]))
        for column in (left, right):
            column.addStretch()
            columns.addLayout(column)


def _on_press(action: Callable[[], None]) -> Callable[[Labels], None]:
    def press(layer: Labels) -> None:
        action()

    return press


def _pairs(keys: Mapping[str, Key]) -> list[tuple[str, str]]:
    return [(key.key, key.does) for key in keys.values()]


def _napari_pairs() -> list[tuple[str, str]]:
    """As the person has set them in napari's preferences."""
    chosen = get_settings().shortcuts.shortcuts
    return [
        (" or ".join(str(key) for key in chosen.get(name, ())), does)
        for name, does in _NAPARI.items()
        if chosen.get(name)
    ]


def _grid(pairs: Sequence[tuple[str, str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(3)
    for row, (key, does) in enumerate(pairs):
        pressed, told = QLabel(key), QLabel(does)
        for label in (pressed, told):
            label.setTextFormat(Qt.TextFormat.PlainText)
        embolden(pressed)
        grid.addWidget(pressed, row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(told, row, 1)
    grid.setColumnMinimumWidth(0, _KEY_WIDTH)
    grid.setColumnStretch(1, 1)
    return grid
