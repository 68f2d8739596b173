"""The page of a project's cases: what is to do, how far everybody is, what the protocol says."""

from __future__ import annotations

from typing import Literal

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QPushButton, QWidget

from napari_diffseg.raters.overview import Row
from napari_diffseg.raters.project_document import ProjectDocument
from napari_diffseg.widgets.column import scrolling
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.projects.case_table import CaseTable
from napari_diffseg.widgets.rows import column_in
from napari_diffseg.widgets.section import Section

Filter = Literal["all", "to do", "finished"]
_FILTERS: dict[Filter, str] = {"all": "All cases", "to do": "Mine to do", "finished": "Finished by me"}


class CasePage(QWidget):
    """Lists the cases of one rater.

    Args:
        project: of the cases.

    Signals:
        opened: name of the case that the person wants to read.
    """

    opened = Signal(str)

    def __init__(self, project: ProjectDocument) -> None:
        super().__init__()
        self._rows: tuple[Row, ...] = ()
        self._rater = ""
        self.filter, self.table, self.open = QComboBox(), CaseTable(), QPushButton("Read this case")
        for wanted, title in _FILTERS.items():
            self.filter.addItem(title, wanted)
        self.nothing, self.message = PlainLabel(), PlainLabel()
        self.about = Section("What the protocol says", PlainLabel(_protocol(project)))
        parts = (self.filter, self.nothing, self.table, self.open, self.message, self.about)
        column_in(self, scrolling(*parts, growing=self.table))
        self.filter.currentIndexChanged.connect(self._show)
        self.table.opened.connect(self.opened)
        self.open.clicked.connect(self._open)
        self.table.itemSelectionChanged.connect(self._show_button)

    def show_rows(self, rows: tuple[Row, ...], rater: str) -> None:
        """Show how all cases and raters stand.

        Args:
            rows: of the project.
            rater: who looks.
        """
        self._rows, self._rater = rows, rater
        self._show()

    def neighbour(self, case: str, by: int) -> str | None:
        """The case so many rows below one in the list as it is shown; None at its ends."""
        cases = self.table.cases()
        if case not in cases:
            return cases[0] if cases else None
        place = cases.index(case) + by
        return cases[place] if 0 <= place < len(cases) else None

    def next_to_do(self, case: str) -> str | None:
        """The next case after one that the rater has not finished; from the beginning where none follows."""
        own = self._own()
        names = [row.case for row in own]
        here = names.index(case) if case in names else 0
        open_ones = [row.case for row in own[here + 1 :] + own[:here] if row.state != "finished"]
        return open_ones[0] if open_ones else None

    def _own(self) -> list[Row]:
        return [row for row in self._rows if row.rater == self._rater]

    def _show(self, *_: object) -> None:
        wanted: Filter = self.filter.currentData()
        own = self._own()
        shown = _filtered(own, wanted)
        done: dict[str, tuple[int, int]] = {}
        for row in self._rows:
            finished, readers = done.get(row.case, (0, 0))
            done[row.case] = finished + (row.state == "finished"), readers + 1
        self.table.show_cases(shown, done)
        self.table.setVisible(bool(shown))
        self.nothing.say("" if shown else _empty(wanted, any_own=bool(own)))
        for place, kind in enumerate(_FILTERS):
            self.filter.setItemText(place, f"{_FILTERS[kind]} ({len(_filtered(own, kind))})")
        self._show_button()

    def _show_button(self) -> None:
        self.open.setEnabled(self.table.current() is not None)

    def _open(self, *_: object) -> None:
        case = self.table.current()
        if case is not None:
            self.opened.emit(case)


def _filtered(rows: list[Row], wanted: Filter) -> list[Row]:
    return [row for row in rows if wanted == "all" or (row.state == "finished") == (wanted == "finished")]


def _empty(wanted: Filter, *, any_own: bool) -> str:
    if not any_own:
        return "There is no case for you in this project yet."
    return "You have finished every case." if wanted == "to do" else "You have not finished a case yet."


def _protocol(project: ProjectDocument) -> str:
    """What a rater should know before reading."""
    rules = project.protocol
    names = "with their names" if rules.show_names else "as reader 1 to reader n"
    kinds = [f"{kind.name}: {kind.help}" for kind in project.form.kinds if kind.help]
    told = [
        rules.about,
        *kinds,
        "Until every reader of a case has finished, nobody's computer loads what another one drew. "
        f"After that the others are shown {names}.",
        *project.notes,
    ]
    return "\n\n".join(filter(None, told))
