"""Which folder runs are kept in."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFileDialog, QPushButton, QWidget
from superqt import QElidingLabel

from napari_diffseg.widgets.rows import Rows
from napari_diffseg.widgets.wording import place


class RunsPlace(QWidget):
    """A row that shows the folder and lets the person choose another one.

    Args:
        folder: at first.

    Attributes:
        folder: that is shown.

    Signals:
        moved: the person chose another folder, a Path.
    """

    moved = Signal(object)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._shown, self.change = QElidingLabel(), QPushButton("Change…")
        self._shown.setTextFormat(Qt.TextFormat.PlainText)
        self._shown.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.change.setToolTip("Keep runs in another folder.")
        Rows(self).add("Runs in", self._shown, self.change)
        self.change.clicked.connect(self._ask)
        self._show(folder)

    def _show(self, folder: Path) -> None:
        self.folder = folder
        self._shown.setText(place(folder))
        self._shown.setToolTip(str(folder))

    def _ask(self, *_: object) -> None:
        name = QFileDialog.getExistingDirectory(self, "Keep runs in this folder")
        if name:
            self._show(Path(name))
            self.moved.emit(self.folder)
