"""The buttons of what a rater does beside painting; painting itself is napari's own."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QApplication, QCheckBox, QPushButton, QWidget

from napari_diffseg.widgets.reading.read_keys import OWN_KEYS
from napari_diffseg.widgets.rows import column_in, equal, row_of

_BUTTONS = {
    "interpolate": ("Interpolate", "Fill the empty slices between drawn ones."),
    "copy": ("Copy previous", "Copy the lesion in hand from the slice before this one."),
    "smooth": ("Smooth", "Smooth the outline in this slice; with Shift in 3D."),
    "largest": ("Keep largest", "Erase all but the largest piece of the lesion in hand."),
}


class ReadToolButtons(QWidget):
    """Each button works on the lesion in hand; Ctrl+Z in the picture takes it back.

    Signals:
        pressed: which of OWN_KEYS the button stands for.
        sheet: the person wants to see the keys.
    """

    pressed = Signal(str)
    sheet = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.buttons = {name: QPushButton(title) for name, (title, _) in _BUTTONS.items()}
        for name, button in self.buttons.items():
            button.setToolTip(f"{_BUTTONS[name][1]} ({OWN_KEYS[name].key})")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, name=name: self._press(name))
        self.contour, self.in_3d = QCheckBox("Contour only"), QCheckBox("3D view")
        self.contour.setToolTip(f"Show the outline alone. ({OWN_KEYS['contour'].key})")
        self.in_3d.setToolTip("Look at the lesions in three dimensions; draw in slices. (Ctrl+Y)")
        self.keys = QPushButton("Keys  ?")
        self.keys.setToolTip("All keys on one page. (?)")
        for widget in (self.contour, self.in_3d, self.keys):
            widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.keys.clicked.connect(self.sheet)
        named = self.buttons
        column_in(
            self,
            equal(named["interpolate"], named["copy"]),
            equal(named["smooth"], named["largest"]),
            row_of(self.contour, self.in_3d, self.keys),
        )

    def set_frozen(self, frozen: bool) -> None:
        """Whether nothing can be drawn; what draws is not there then."""
        for button in self.buttons.values():
            button.setVisible(not frozen)

    def _press(self, name: str) -> None:
        held = QApplication.keyboardModifiers() & Qt.KeyboardModifier.ShiftModifier
        self.pressed.emit("smooth_all" if name == "smooth" and held else name)
