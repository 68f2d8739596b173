"""Who is shown in which colour, and what the colours of the agreement map mean."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QWidget,
)

from napari_diffseg.layers.comparison import Arrangement, reader_colour, vote_colour
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rows import column_in, row_of

_ARRANGEMENTS: dict[Arrangement, str] = {
    "together": "Readers as contours",
    "one by one": "Readers one by one, with a slider",
}
_PATCH = 12
_MOST_PATCHES = 8
_MOST_IN_COLUMN = 4
MOST_TOGETHER = 8


class ReaderLegend(QWidget):
    """A line a reader: colour, name, volume; two columns from the fifth reader on.

    Attributes:
        arrangement: how readers are shown.
        votes: whether the agreement map is.
        readers: whether each reader is, in order.

    Signals:
        arranged: the person wants readers shown in another way.
        mapped: they want the agreement map shown, or not.
        reader: they want a reader (place) shown, or not.
    """

    arranged = Signal()
    mapped = Signal(bool)
    reader = Signal(int, bool)

    def __init__(self) -> None:
        super().__init__()
        self.arrangement, self.votes = QComboBox(), QCheckBox("Agreement map")
        self.readers: list[QCheckBox] = []
        self._names, self._patches = QWidget(), QHBoxLayout()
        for arrangement, words in _ARRANGEMENTS.items():
            self.arrangement.addItem(words, arrangement)
        self.votes.setChecked(True)
        self.votes.setToolTip("How many readers marked each voxel; the status bar tells it under the cursor.")
        QGridLayout(self._names).setContentsMargins(0, 0, 0, 0)
        scale = QWidget()
        scale.setLayout(self._patches)
        self._patches.setContentsMargins(0, 0, 0, 0)
        self._patches.setSpacing(4)
        column_in(self, self.arrangement, self._names, row_of(self.votes, scale))
        self.arrangement.activated.connect(self._arrange)
        self.votes.toggled.connect(self.mapped)

    def show_readers(self, readers: Sequence[tuple[str, str]], counted: int) -> None:
        """List the readers of another case.

        Args:
            readers: name and volume, in words.
            counted: how many of them the agreement map counts.
        """
        grid = self._names.layout()
        assert isinstance(grid, QGridLayout)
        for old in self._names.findChildren(QWidget):
            grid.removeWidget(old)
            old.hide()
            old.deleteLater()
        rows = (len(readers) + 1) // 2 if len(readers) > _MOST_IN_COLUMN else len(readers)
        self.readers = []
        for place, (name, volume) in enumerate(readers):
            self._add_reader(grid, place % max(rows, 1), 3 * (place // max(rows, 1)), place, name, volume)
        self._show_scale(counted)
        self.show_arrangement()

    def choose(self, arrangement: Arrangement) -> None:
        """Show readers in another way."""
        self.arrangement.setCurrentIndex(self.arrangement.findData(arrangement))
        self._arrange()

    def show_arrangement(self) -> None:
        """One by one it is the slider that says who is shown."""
        for box in self.readers:
            box.setEnabled(self.arrangement.currentData() == "together")

    def _add_reader(
        self, grid: QGridLayout, row: int, column: int, place: int, name: str, volume: str
    ) -> None:
        box, told = QCheckBox(name.replace("&", "&&")), PlainLabel(volume)
        box.setChecked(True)
        box.setToolTip(name)
        box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        box.toggled.connect(lambda shown, place=place: self.reader.emit(place, shown))
        told.setWordWrap(False)
        told.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.readers.append(box)
        for offset, widget in enumerate((_patch(reader_colour(place)), box, told)):
            grid.addWidget(widget, row, column + offset)
        grid.setColumnStretch(column + 1, 1)

    def _show_scale(self, counted: int) -> None:
        while (item := self._patches.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        shown = range(1, counted + 1) if counted <= _MOST_PATCHES else (1, counted)
        for number in shown:
            self._patches.addWidget(_patch(vote_colour(number, counted)))
            self._patches.addWidget(QLabel(str(number)))

    def _arrange(self, *_: object) -> None:
        self.show_arrangement()
        self.arranged.emit()


def _patch(colour: str) -> QLabel:
    patch = QLabel()
    patch.setFixedSize(_PATCH, _PATCH)
    patch.setStyleSheet(f"background: {colour}; border-radius: 2px;")
    return patch
