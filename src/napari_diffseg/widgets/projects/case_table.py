"""The cases of a project, a row each."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QTableWidgetItem

from napari_diffseg.raters.overview import Row
from napari_diffseg.widgets.rater_wording import progress, state
from napari_diffseg.widgets.row_table import RowTable

_COLUMNS = ("Case", "Your read", "Readers done")


class CaseTable(RowTable):
    """Two clicks on a row, or Return, open its case.

    Signals:
        opened: name of the case.
    """

    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__(_COLUMNS, lines=2)
        self._cases: list[str] = []
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names of cases begin alike
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
            told = (row.case, f"{state(row)}\n{progress(row)}".strip(), f"{finished} of {readers}")
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
