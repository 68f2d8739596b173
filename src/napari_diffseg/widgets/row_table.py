"""A table whose rows are chosen as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget

_MARGIN = 6


class RowTable(QTableWidget):
    """Rows of one height, one of them chosen at most; nothing is edited, and it is never wider than its dock.

    Args:
        columns: their titles.
        growing: place of the column that takes the room there is; the others are as wide as their texts.
        lines: of text in a row.
    """

    def __init__(self, columns: Sequence[str], *, growing: int = 0, lines: int = 1) -> None:
        super().__init__(0, len(columns))
        self.setHorizontalHeaderLabels(list(columns))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        rows, titles = self._headers()
        rows.hide()
        rows.setDefaultSectionSize(lines * self.fontMetrics().lineSpacing() + _MARGIN)
        titles.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        titles.setSectionResizeMode(growing, QHeaderView.ResizeMode.Stretch)
        titles.setHighlightSections(False)

    def height_of(self, rows: int) -> int:
        """Pixels that the titles and so many rows take."""
        beside, titles = self._headers()
        return titles.sizeHint().height() + rows * beside.defaultSectionSize() + 2 * self.frameWidth()

    def _headers(self) -> tuple[QHeaderView, QHeaderView]:
        """The one beside the rows, and the one over the columns."""
        rows, titles = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert titles is not None
        return rows, titles
