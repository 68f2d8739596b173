"""The lesions of a read, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QTableWidgetItem

from napari_diffseg.widgets.row_table import RowTable

_COLUMNS = ("", "Lesion", "Size", "Rated")
_LEAST_ROWS = 2
_SWATCH = 12
_NUMBER = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class LesionRow:
    """What a row shows.

    Args:
        number: of the lesion, or of a class that was drawn without one.
        colour: #rrggbb.
        what: kind and class.
        size: in words.
        rated: in words.
        open: titles of the questions that are open.
    """

    number: int
    colour: str
    what: str
    size: str = ""
    rated: str = ""
    open: tuple[str, ...] = ()


class LesionTable(RowTable):
    """A click on a row takes its lesion in hand.

    Signals:
        chosen: number of the row that the person clicked.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(_COLUMNS, growing=1)
        self._shown: tuple[LesionRow, ...] = ()
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys with the picture
        self.setIconSize(QSize(_SWATCH, _SWATCH))
        self.cellClicked.connect(self._tell)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """As small as may be; the column gives it what room there is."""
        return self.minimumSizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Room for two lesions; more scroll."""
        return QSize(200, self.height_of(_LEAST_ROWS))

    def show_rows(self, rows: Sequence[LesionRow], in_hand: int) -> None:
        """Show how the lesions stand now.

        Args:
            rows: from top to bottom.
            in_hand: number of the lesion that is drawn.
        """
        if tuple(rows) != self._shown:
            self._shown = tuple(rows)
            self.setRowCount(len(rows))
            for place, row in enumerate(rows):
                self._fill(place, row)
        if in_hand not in self.numbers():
            self.clearSelection()
        elif self._selected() != in_hand:
            here = self.numbers().index(in_hand)
            self.selectRow(here)
            self.scrollToItem(self.item(here, 0))

    def numbers(self) -> list[int]:
        """Those of the rows, from top to bottom."""
        return [row.number for row in self._shown]

    def _selected(self) -> int | None:
        found = self.selectedItems()
        return found[0].data(_NUMBER) if found else None

    def _fill(self, place: int, row: LesionRow) -> None:
        tip = f"Not rated yet: {', '.join(row.open)}" if row.open else row.what
        for column, text in enumerate((str(row.number), row.what, row.size, row.rated)):
            item = QTableWidgetItem(text)
            item.setData(_NUMBER, row.number)
            item.setToolTip(tip)
            if column == 0:
                item.setIcon(_swatch(row.colour))
            if column > 1:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(place, column, item)

    def _tell(self, row: int, _: int) -> None:
        self.chosen.emit(self._shown[row].number)


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)
