"""Which model: a method, and one of the checkpoints of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QComboBox, QFileDialog, QPushButton, QVBoxLayout, QWidget

from napari_diffseg.checkpoints.catalogue import CatalogueEntry, catalogue, describe
from napari_diffseg.checkpoints.document import Document
from napari_diffseg.errors import CheckpointError
from napari_diffseg.methods.registry import methods
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rows import Rows

_ALL = "All methods"


class _OpeningBox(QComboBox):
    """A list that tells before it opens.

    Signals:
        opening: the person is about to see the list.
    """

    opening = Signal()

    def showPopup(self) -> None:  # noqa: N802 (Qt's name)
        """Called by Qt."""
        self.opening.emit()
        super().showPopup()


class ModelChooser(QWidget):
    """Methods from the registry and checkpoints from the catalogue, both without torch.

    A file that cannot be used is listed, greyed, with the reason as its tooltip.

    Args:
        folders: looked through beside the bundled one and the user's.

    Signals:
        changed: another checkpoint was chosen.
    """

    changed = Signal()

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        super().__init__()
        self._folders, self._browsed = tuple(folders), []  # type: tuple[Path, ...], list[Path]
        self._entries: list[CatalogueEntry] = []
        self.method, self.checkpoint = QComboBox(), _OpeningBox()
        self.method.setToolTip("Show the models of one published method.")
        self.browse = QPushButton("Browse…")
        self.browse.setToolTip("Take a checkpoint file (.safetensors) from anywhere.")
        self.sentence, self.about = PlainLabel(), PlainLabel()
        self._lay_out()
        self._fill_methods()
        self.refresh()
        self.method.currentIndexChanged.connect(self._filter)
        self.checkpoint.currentIndexChanged.connect(self._choose)
        self.checkpoint.opening.connect(self.refresh)
        self.browse.clicked.connect(self._browse)

    def chosen(self) -> tuple[Path, Document]:
        """The chosen checkpoint's file and document.

        Raises:
            CheckpointError: there is none, or the chosen file cannot be used.
        """
        entry = self.checkpoint.currentData()
        if entry is None:
            raise CheckpointError("No model is chosen. Choose another method, or browse for a checkpoint.")
        if entry.document is None:
            raise CheckpointError(entry.problem)
        return entry.path, entry.document

    def refresh(self) -> None:
        """Look for checkpoint files anew; the chosen one stays chosen while it is there."""
        found = [*catalogue(self._folders), *(describe(path) for path in self._browsed)]
        if found != self._entries:
            chosen, self._entries = self.checkpoint.currentData(), found
            self._show(chosen.path if chosen else None)

    def take(self, path: Path) -> None:
        """List a file and choose it."""
        if path not in (entry.path for entry in catalogue(self._folders)):
            self._browsed = [*(other for other in self._browsed if other != path), path]
        self.method.setCurrentIndex(0)
        self.refresh()
        self._show(path)

    def choose(self, name: str) -> None:
        """Choose a listed checkpoint by its name; nothing happens where there is none of that name."""
        self.method.setCurrentIndex(0)
        number = self.checkpoint.findText(name)
        if number >= 0:
            self.checkpoint.setCurrentIndex(number)

    def _lay_out(self) -> None:
        # a column of forms: one form with wrapped lines between its rows gives them too little height
        column, method, model = QVBoxLayout(self), QWidget(), QWidget()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        Rows(method).add("Method", self.method)
        Rows(model).add("Model", self.checkpoint, self.browse)
        for part in (method, self.sentence, model, self.about):
            column.addWidget(part)

    def _fill_methods(self) -> None:
        self.method.addItem(_ALL)
        for name, entry in methods().items():
            self.method.addItem(entry.title, name)
            self.method.setItemData(self.method.count() - 1, entry.sentence, Qt.ItemDataRole.ToolTipRole)

    def _filter(self, *_: object) -> None:
        entry = methods().get(self.method.currentData() or "")
        self.sentence.say(entry.about if entry else "")
        chosen = self.checkpoint.currentData()
        self._show(chosen.path if chosen else None)

    def _show(self, chosen: Path | None) -> None:
        """List the method's checkpoints, those that can be used first; broken files belong to all methods."""
        method = self.method.currentData()
        fitting = [e for e in self._entries if not (method and e.document and e.document.method != method)]
        fitting.sort(key=lambda entry: entry.document is None)
        self.checkpoint.blockSignals(True)
        self.checkpoint.clear()
        for number, entry in enumerate(fitting):
            self.checkpoint.addItem(entry.name, entry)
            self._explain(number, entry)
        paths = [entry.path for entry in fitting]
        usable = any(entry.document for entry in fitting)
        self.checkpoint.setCurrentIndex(paths.index(chosen) if chosen in paths else 0 if usable else -1)
        self.checkpoint.blockSignals(False)
        self._choose()

    def _explain(self, number: int, entry: CatalogueEntry) -> None:
        self.checkpoint.setItemData(number, entry.problem or str(entry.path), Qt.ItemDataRole.ToolTipRole)
        items = self.checkpoint.model()
        item = items.item(number) if isinstance(items, QStandardItemModel) else None
        if item is not None:
            item.setEnabled(entry.document is not None)

    def _choose(self, *_: object) -> None:
        entry, method = self.checkpoint.currentData(), methods().get(self.method.currentData() or "")
        if entry is not None and entry.document is not None:
            self.about.say(_about(entry.document))
        else:
            self.about.say(method.how_to_get if method and not self._has_usable() else "")
        self.changed.emit()

    def _has_usable(self) -> bool:
        listed = (self.checkpoint.itemData(number) for number in range(self.checkpoint.count()))
        return any(entry.document for entry in listed)

    def _browse(self, *_: object) -> None:
        name, _kind = QFileDialog.getOpenFileName(
            self, "Choose a checkpoint", "", "Checkpoints (*.safetensors)"
        )
        if name:
            self.take(Path(name))


def _about(document: Document) -> str:
    """What it segments, on what it was trained, its licence."""
    classes = ", ".join(info.name for info in document.classes)
    facts = document.training
    trained = f"Trained on {facts.data} (licence {facts.licence}), {facts.cases} cases." if facts else ""
    licence = f"Weights: {document.licence}." if document.licence else ""
    return " ".join(filter(None, [f"{document.title}: {classes}.", trained, licence]))
