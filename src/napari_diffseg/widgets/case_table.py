"""The cases of a project, a row each."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_diffseg.raters.overview import Row
from napari_diffseg.widgets.rater_wording import progress

_COLUMNS = ("Case", "Your read", "Readers done")
_STATES = {"not begun": "to do", "open": "begun", "finished": "finished"}


class CaseTable(QTableWidget):
    """Two clicks on a row, or Return, open its case.

    Signals:
        opened: name of the case.
    """

    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__(0, len(_COLUMNS))
        self._cases: list[str] = []
        self.setHorizontalHeaderLabels(_COLUMNS)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        rows.setDefaultSectionSize(2 * self.fontMetrics().lineSpacing() + 8)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        columns.setHighlightSections(False)
        self.cellDoubleClicked.connect(self._tell)

    def current(self) -> str | None:
        """The chosen case."""
        return self._cases[self.currentRow()] if 0 <= self.currentRow() < len(self._cases) else None

    def cases(self) -> list[str]:
        """Those of the rows, from top to bottom."""
        return list(self._cases)

    def show_cases(self, own: Sequence[Row], done: dict[str, tuple[int, int]]) -> None:
        """Show how the cases stand.

        Args:
            own: the rater's row of each case that is shown.
            done: how many readers of a case have finished, and how many there are.
        """
        chosen = self.current()
        self._cases = [row.case for row in own]
        self.setRowCount(len(own))
        for place, row in enumerate(own):
            finished, readers = done[row.case]
            told = (row.case, f"{_STATES[row.state]}\n{progress(row)}".strip(), f"{finished} of {readers}")
            for column, text in enumerate(told):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.setItem(place, column, item)
        self.choose(chosen or (self._cases[0] if self._cases else ""))

    def choose(self, case: str) -> None:
        """Select a case; nothing happens where it is not listed."""
        if case in self._cases:
            self.selectRow(self._cases.index(case))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 (Qt's name)
        """Called by Qt; Return opens the chosen case."""
        case = self.current()
        if event is not None and case is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(case)
            return
        super().keyPressEvent(event)

    def _tell(self, row: int, _: int) -> None:
        self.opened.emit(self._cases[row])
