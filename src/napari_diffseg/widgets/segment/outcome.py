"""What a run gave: volumes, the class shown, and saving it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_diffseg.layers import ResultLayers
from napari_diffseg.results.folder import propose_folder, write_result
from napari_diffseg.results.notes import notes
from napari_diffseg.results.result import ClassInfo, Result
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rows import Rows
from napari_diffseg.widgets.wording import volume
from napari_diffseg.widgets.worker import Worker, work


class Outcome(QWidget):
    """The last run's classes while it goes on, and its volumes and the way to save it after.

    Attributes:
        result: of the last run; None while one goes on, and after one that gave nothing.

    Signals:
        said: a sentence for the person.
        failed: why saving failed, a DiffSegError.
    """

    said = Signal(str)
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._layers: ResultLayers | None = None
        self.result: Result | None = None
        self._name = ""
        self._folder = Path.home()
        self._worker: Worker | None = None
        self.shown_class = QComboBox()
        self.shown_class.setToolTip("The class whose mean and variance are shown.")
        self.save = QPushButton("Save results…")
        self.save.setToolTip("Consensus, mean, variance and settings, on the scan's own grid.")
        self._volumes, self._note = QWidget(), PlainLabel()
        self._lay_out()
        self.shown_class.currentIndexChanged.connect(self._show_class)
        self.save.clicked.connect(self._ask)
        self.hide()

    def begin(self, layers: ResultLayers, classes: tuple[ClassInfo, ...]) -> None:
        """A run has made its layers."""
        self._layers, self.result = layers, None
        self.shown_class.blockSignals(True)
        self.shown_class.clear()
        self.shown_class.addItems([info.name for info in classes])
        self.shown_class.blockSignals(False)
        self._class_row.setVisible(len(classes) > 1)
        self._volumes.hide()
        self._note.say("")
        self.save.hide()
        self.show()

    def finish(self, result: Result, volumes: list[dict[str, Any]], name: str) -> None:
        """The run is over: show millilitres, mean ± sd over its members.

        Args:
            result: of the run.
            volumes: of its classes, as `Result.summary` gives them.
            name: of the scan; the proposed folder is named after it.
        """
        self.result, self._name = result, name
        grid = self._volumes.layout()
        assert isinstance(grid, QGridLayout)
        for old in self._volumes.findChildren(QLabel):
            grid.removeWidget(old)
            old.deleteLater()
        for row, line in enumerate(volumes):
            _add_row(grid, row, result.classes[row], volume(line["mean_ml"], line["sd_ml"]))
        self._volumes.show()
        self._note.say(" ".join(notes(result)))
        self.save.show()

    def discard(self) -> None:
        """The run gave nothing."""
        self._layers = self.result = None
        self.hide()

    def save_to(self, folder: Path) -> None:
        """Write the result there, in a thread; a corrected consensus beside the computed one."""
        if self.result is None or self._layers is None:
            return
        self.save.setEnabled(False)
        self.save.setText("Saving…")
        self._worker = work(
            _write,
            self.result,
            folder,
            self._layers.edited_consensus(),
            yielded=self._note_saved,
            errored=self.failed,
            finished=self._end_saving,
        )

    def close_down(self) -> None:
        """Wait until what is being saved is saved."""
        if self._worker is not None:
            self._worker.join()

    def _lay_out(self) -> None:
        self._class_row = QWidget()
        Rows(self._class_row).add("Class", self.shown_class)
        QGridLayout(self._volumes).setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for widget in (self._class_row, self._volumes, self._note, self.save):
            layout.addWidget(widget)

    def _show_class(self, index: int) -> None:
        if self._layers is not None and index >= 0:
            self._layers.choose_class(index)

    def _ask(self, *_: object) -> None:
        proposed = propose_folder(self._folder, self._name)
        chosen, _kind = QFileDialog.getSaveFileName(self, "Save results in a new folder", str(proposed))
        if chosen:
            self._folder = Path(chosen).parent
            self.save_to(Path(chosen))

    def _note_saved(self, folder: Path) -> None:
        self.said.emit(f"Saved in {folder}.")

    def _end_saving(self) -> None:
        self.save.setEnabled(True)
        self.save.setText("Save results…")


def _write(result: Result, folder: Path, edited: UInt8[np.ndarray, "D H W"] | None) -> Iterator[Path]:
    yield write_result(result, folder, edited=edited)


def _add_row(grid: QGridLayout, row: int, info: ClassInfo, text: str) -> None:
    patch = QLabel()
    patch.setFixedSize(12, 12)
    patch.setStyleSheet(f"background: {info.colour}; border-radius: 2px;")
    name, millilitres = PlainLabel(info.name), PlainLabel(text)
    name.setToolTip(info.meaning)
    millilitres.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    millilitres.setToolTip("Mean ± standard deviation over the members.")
    for column, widget in enumerate((patch, name, millilitres)):
        grid.addWidget(widget, row, column)
    grid.setColumnStretch(1, 1)
