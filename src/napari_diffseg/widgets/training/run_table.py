"""The runs of a folder beside one another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QSizePolicy, QTableWidgetItem

from napari_diffseg.methods.registry import methods
from napari_diffseg.training.events import Validated
from napari_diffseg.widgets.row_table import RowTable
from napari_diffseg.widgets.training.event_wording import deciding, metric_in_words, value_in_words
from napari_diffseg.widgets.training.following import Seen
from napari_diffseg.widgets.training.run_wording import date, state_in_words, steps_in_words

_COLUMNS = ("Run", "Data", "State", "Best")
_ROWS_SHOWN = 3
_ORDER = Qt.ItemDataRole.UserRole
_FOLDER = Qt.ItemDataRole.UserRole + 1


class RunTable(RowTable):
    """A row a run, two lines each: name and method, data and date, state and step, best metric and its step.

    A click on a heading sorts; the newest run is at the top at first.

    Signals:
        chosen: the folder of the run that the person chose; None when it is gone.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__(_COLUMNS, lines=2)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.sortItems(1, Qt.SortOrder.DescendingOrder)
        self.setSortingEnabled(True)
        self.itemSelectionChanged.connect(self._tell)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Room for three runs at most; more scroll."""
        return QSize(320, self.height_of(min(self.rowCount(), _ROWS_SHOWN)))

    def current(self) -> Path | None:
        """The folder of the chosen run."""
        found = self.selectedItems()
        return found[0].data(_FOLDER) if found else None

    def folders(self) -> list[Path]:
        """Those of the runs, from top to bottom."""
        return [self._folder(row) for row in range(self.rowCount())]

    def choose(self, run: Path) -> None:
        """Select a run; nothing happens where it is not listed."""
        folders = self.folders()
        if run in folders:
            self.selectRow(folders.index(run))

    def show_runs(self, runs: Sequence[Seen], starting: Sequence[Path] = ()) -> None:
        """Show how the runs stand now.

        Args:
            runs: in any order.
            starting: of which the process has not spoken yet.
        """
        before, by_folder = self.current(), {run.summary.folder: run for run in runs}
        self.blockSignals(True)
        self.setSortingEnabled(False)  # a row must not move while it is filled
        for row, folder in reversed([*enumerate(self.folders())]):
            if folder not in by_folder:
                self.removeRow(row)
        rows = {folder: row for row, folder in enumerate(self.folders())}
        for folder, run in by_folder.items():
            if folder not in rows:
                rows[folder] = self.rowCount()
                self.insertRow(rows[folder])
            for column, (text, order) in enumerate(_cells(run, starting=folder in starting)):
                self._fill(rows[folder], column, text, order, folder)
        self.setSortingEnabled(True)
        self.updateGeometry()
        self.blockSignals(False)
        if self.current() != before:
            self._tell()

    def _fill(self, row: int, column: int, text: str, order: float | str, folder: Path) -> None:
        item = self.item(row, column)
        if item is None:
            item = _Cell()
            self.setItem(row, column, item)
        item.setText(text)
        item.setData(_ORDER, order)
        item.setData(_FOLDER, folder)
        item.setToolTip(f"{text}\n{folder}")

    def _folder(self, row: int) -> Path:
        item = self.item(row, 0)
        assert item is not None
        folder: Path = item.data(_FOLDER)
        return folder

    def _tell(self) -> None:
        self.chosen.emit(self.current())


class _Cell(QTableWidgetItem):
    """Sorted by its number or lower-case text, not by what it shows."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return bool(self.data(_ORDER) < other.data(_ORDER))


def _cells(run: Seen, *, starting: bool) -> list[tuple[str, float | str]]:
    """Text and order of each column."""
    entry = methods().get(run.summary.config.method)
    name, method = run.summary.config.name, entry.title if entry else run.summary.config.method
    data, made = run.summary.config.data.path.name, date(run.made)
    state = state_in_words(run, starting=starting)
    best, order = _best(run.summary.best)
    return [
        (f"{name}\n{method}", name.lower()),
        (f"{data}\n{made}", run.made),
        (f"{state}\n{steps_in_words(run)}", state),
        (best, order),
    ]


def _best(event: Validated | None) -> tuple[str, float]:
    if event is None:
        return "", float("-inf")
    name, value = deciding(event)
    order = float("-inf") if value is None else value
    return f"{metric_in_words(name)} {value_in_words(value)}\nstep {event.step}", order
