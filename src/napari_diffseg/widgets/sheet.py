"""A small table to look at."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QSizePolicy, QTableWidgetItem

from napari_diffseg.widgets.row_table import RowTable


class Sheet(RowTable):
    """Rows of text, as high as they are up to a number of them; the first column takes the room there is.

    Args:
        columns: their titles.
        most_rows: that are seen at once.

    Signals:
        chosen: the row that the person clicked, or went to with the keys.
    """

    chosen = Signal(int)

    def __init__(self, columns: Sequence[str], *, most_rows: int = 6) -> None:
        super().__init__(columns)
        self._most_rows = most_rows
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.itemSelectionChanged.connect(self._tell)

    def show_rows(self, rows: Sequence[Sequence[str]], tips: Sequence[str] = ()) -> None:
        """Show other rows.

        Args:
            rows: a text for each column.
            tips: on each row; without, what the first column says.
        """
        self.blockSignals(True)
        self.clearSelection()
        self.setRowCount(len(rows))
        for place, row in enumerate(rows):
            for column, text in enumerate(row):
                item = QTableWidgetItem(text)
                item.setToolTip(tips[place] if tips else row[0])
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(place, column, item)
        self.blockSignals(False)
        self.updateGeometry()

    def texts(self) -> list[tuple[str, ...]]:
        """What the rows say."""
        return [
            tuple(self._text(row, column) for column in range(self.columnCount()))
            for row in range(self.rowCount())
        ]

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """As high as the rows that are seen at once."""
        return QSize(super().sizeHint().width(), self.height_of(min(self.rowCount(), self._most_rows)))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """As high as its rows; as narrow as one likes."""
        return QSize(0, self.sizeHint().height())

    def _text(self, row: int, column: int) -> str:
        item = self.item(row, column)
        return item.text() if item is not None else ""

    def _tell(self) -> None:
        chosen = self.selectedIndexes()
        if chosen:
            self.chosen.emit(chosen[0].row())
