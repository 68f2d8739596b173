"""Layers of the viewer as a small data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event as Flag

from napari.components import ViewerModel
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_diffseg.errors import DiffSegError
from napari_diffseg.layers import LabelledImage, labelled_images, saved_cases, write_cases
from napari_diffseg.layers.labelled import SavedCase
from napari_diffseg.widgets.errand import Errand, give_up_all
from napari_diffseg.widgets.plain_label import PlainLabel

_EXPLANATION = (
    "Each image with its labels becomes a case; several labels on one image count as several raters. "
    "Cases are added to what is in the folder. At least two cases are needed to train."
)
_NONE = "No image here has labels on it. Open or draw labels on an image first."


class FromLayers(QDialog):
    """Asks which layers and which folder, and writes them in a thread.

    Args:
        viewer: whose layers are offered.
        parent: of the dialog.

    Signals:
        saved: the folder, a Path; the dialog closes.
    """

    saved = Signal(object)

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Data set from layers")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._found = labelled_images(viewer)
        self.tree = QTreeWidget()
        self.tree.setHeaderHidden(True)
        for one in self._found:
            item = _ticked(QTreeWidgetItem([one.image.name]))
            item.addChildren([_ticked(QTreeWidgetItem([labels.name])) for labels in one.labels])
            self.tree.addTopLevelItem(item)
        self.tree.expandAll()
        self.message = PlainLabel("" if self._found else _NONE)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.save = QPushButton("Choose folder and save…")
        self.buttons.addButton(self.save, QDialogButtonBox.ButtonRole.AcceptRole)
        self.save.setEnabled(bool(self._found))
        layout = QVBoxLayout(self)
        for widget in (PlainLabel(_EXPLANATION), self.tree, self.message, self.buttons):
            layout.addWidget(widget)
        self.resize(420, 320)
        self.buttons.accepted.connect(self._ask)
        self.buttons.rejected.connect(self.reject)

    def save_to(self, folder: Path) -> None:
        """Write the ticked layers there."""
        try:
            cases = saved_cases(self._ticked())
        except DiffSegError as error:
            self.message.say(str(error))
            return
        self.save.setEnabled(False)
        self.message.say("Saving…")
        errand = Errand(self, _write, cases, folder)
        errand.told.connect(self._finish)
        errand.failed.connect(self._explain)
        errand.run()

    def done(self, result: int) -> None:
        """Called by Qt when the dialog closes, by whichever way; what is being written is finished first."""
        give_up_all(self)
        super().done(result)

    def _ask(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Choose a folder for images/ and labels/")
        if name:
            self.save_to(Path(name))

    def _ticked(self) -> list[LabelledImage]:
        chosen = []
        for place, one in enumerate(self._found):
            item = self.tree.topLevelItem(place)
            assert item is not None
            labels = tuple(layer for number, layer in enumerate(one.labels) if _is_ticked(item.child(number)))
            if _is_ticked(item) and labels:
                chosen.append(LabelledImage(one.image, labels))
        return chosen

    def _finish(self, folder: Path) -> None:
        self.saved.emit(folder)
        self.accept()

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))
        self.save.setEnabled(True)


def _ticked(item: QTreeWidgetItem) -> QTreeWidgetItem:
    item.setCheckState(0, Qt.CheckState.Checked)
    return item


def _is_ticked(item: QTreeWidgetItem | None) -> bool:
    return item is not None and item.checkState(0) == Qt.CheckState.Checked


def _write(cases: Sequence[SavedCase], folder: Path, given_up: Flag) -> Iterator[Path]:
    write_cases(cases, folder)
    yield folder
