"""Cases that are about to be added, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qtpy.QtCore import QSize, Signal
from qtpy.QtWidgets import QAbstractItemView, QTableWidgetItem

from napari_diffseg.widgets.projects.case_draft import CaseDraft
from napari_diffseg.widgets.projects.reader_names import names_in
from napari_diffseg.widgets.row_table import RowTable

_NAME, _CHANNELS, _PATIENT = range(3)
_COLUMNS = {
    "Case": "Readers see this name. Two clicks change it.",
    "Channels": "One for each file of the case, in order. Two clicks change their names.",
    "Patient code": "Only where several cases are of one patient: give them the same code, never a name.",
}
_LEAST_ROWS = 4


class DraftTable(RowTable):
    """Names, channels and patients are edited in their cells.

    Signals:
        edited: place of a draft, and what it should be.
        refused: why a cell cannot say what it was made to say, in a sentence.
    """

    edited = Signal(int, object)
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__(tuple(_COLUMNS))
        self._drafts: tuple[CaseDraft, ...] = ()
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        for column, tip in enumerate(_COLUMNS.values()):
            title = self.horizontalHeaderItem(column)
            assert title is not None
            title.setToolTip(tip)
        self.cellChanged.connect(self._edit)

    def show_drafts(self, drafts: Sequence[CaseDraft]) -> None:
        """Show other cases; none is chosen."""
        self._drafts = tuple(drafts)
        self.blockSignals(True)
        self.clearSelection()
        self.setRowCount(len(drafts))
        for place, draft in enumerate(drafts):
            files = "\n".join(f"{channel}: {path}" for channel, path in draft.files.items())
            for column, text in enumerate((draft.name, ", ".join(draft.files), draft.patient)):
                item = QTableWidgetItem(text)
                item.setToolTip(files)
                self.setItem(place, column, item)
        self.blockSignals(False)
        self.itemSelectionChanged.emit()

    def chosen(self) -> list[int]:
        """Places of the chosen rows, in order."""
        return sorted({index.row() for index in self.selectedIndexes()})

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """A few rows are seen in any case."""
        return QSize(super().minimumSizeHint().width(), self.height_of(_LEAST_ROWS))

    def _edit(self, row: int, column: int) -> None:
        item, draft = self.item(row, column), self._drafts[row]
        text = item.text().strip() if item is not None else ""
        if column == _CHANNELS:
            names = names_in(text)
            if len(set(names)) != len(draft.files) or len(names) != len(draft.files):
                self.show_drafts(self._drafts)
                self.refused.emit(_miscounted(draft))
                return
            draft = replace(draft, files=dict(zip(names, draft.files.values(), strict=True)))
        elif column == _PATIENT:
            draft = replace(draft, patient=text)
        else:
            draft = replace(draft, name=text or draft.name)
        self.edited.emit(row, draft)


def _miscounted(draft: CaseDraft) -> str:
    if len(draft.files) == 1:
        return f"{draft.name} is one file, so it has one channel. Join cases to have several."
    return (
        f"{draft.name} is made of {len(draft.files)} files, so it needs {len(draft.files)} different names "
        "of channels, separated by commas."
    )
