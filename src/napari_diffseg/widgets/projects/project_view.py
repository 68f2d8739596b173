"""An open rater project: who reads, the cases, and the case on screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event as Flag

from napari.components import ViewerModel
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QPushButton, QTabWidget, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_diffseg.errors import DiffSegError
from napari_diffseg.raters.memory import keep_trust, remember, remembered, trusting
from napari_diffseg.raters.opening import Start
from napari_diffseg.raters.overview import Row, overview
from napari_diffseg.raters.project import Project
from napari_diffseg.widgets.comparing.compare_page import ComparePage
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.projects.add_to_project import AddToProject
from napari_diffseg.widgets.projects.case_page import CasePage
from napari_diffseg.widgets.projects.rater_opening import OpenCase, open_case
from napari_diffseg.widgets.question import Question
from napari_diffseg.widgets.reading.read_page import ReadPage
from napari_diffseg.widgets.rows import row_of


class ProjectView(QWidget):
    """Tabs of one project for one rater at a time.

    Args:
        viewer: gets the layers.
        project: open.

    Signals:
        left: the person wants another project.
    """

    left = Signal()

    def __init__(self, viewer: ViewerModel, project: Project) -> None:
        super().__init__()
        project = trusting(project)
        self.project, self._opening = project, None  # type: Project, Errand | None
        self._looking: Errand | None = None
        self.title, self.leave = QElidingLabel(project.document.title), QPushButton("Close")
        self.who, self.trust = QComboBox(), Question()
        self.cases, self.page = CasePage(project.document), ReadPage(viewer, project)
        self.compare = ComparePage(viewer, project)
        self.tabs, self.add = QTabWidget(), QPushButton("Add…")
        self._lay_out()
        self._connect()
        self._ask_trust()
        known = remembered(project.root).rater
        self.who.setCurrentIndex(self.who.findText(known))
        remember(project.root, title=project.document.title)
        self._take_rater()

    @property
    def rater(self) -> str:
        """Who reads; empty while nobody said so."""
        return self.who.currentText()

    def open_case(self, case: str, start: Start | None = None) -> None:
        """Open a case for the rater, in the place of the one on screen.

        Args:
            case: its name.
            start: what a new session of a finished case starts from; None shows the finished one.
        """
        self._give_up()
        self.compare.clear()
        self.page.close_case()
        self.cases.message.say(f"Opening {case}…")
        self.tabs.setTabEnabled(1, False)
        self._opening = Errand(self, open_case, self.project, case, self.rater, start)
        self._opening.told.connect(self._show_case)
        self._opening.failed.connect(self._explain)
        self._opening.ended.connect(self._end_opening)
        self._opening.run()

    def look(self) -> None:
        """See how far everybody is."""
        if not self.rater:
            self.cases.show_rows((), "")
            self.cases.nothing.say("Choose your name above: your work is kept in folders of your own.")
            return
        if self._looking is not None:
            self._looking.give_up()
        self._looking = Errand(self, _look, self.project, self.rater)
        self._looking.told.connect(self._show_rows)
        self._looking.failed.connect(self._explain)
        self._looking.ended.connect(self._end_looking)
        self._looking.run()

    def close_down(self) -> None:
        """The project or the dock closes; whoever calls it gives up the errands."""
        self._give_up()
        self.compare.close_down()
        self.page.close_down()

    def _lay_out(self) -> None:
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setToolTip(str(self.project.root))
        self.leave.setToolTip("Close this project and choose another one.")
        self.add.setToolTip("Add cases or readers; for the project’s owner.")
        self.who.setPlaceholderText("choose your name")
        self.who.addItems(self.project.document.raters)
        self.who.setToolTip(
            "Who you are. Your work is kept in folders of your own. This computer remembers who you are."
        )
        self.tabs.addTab(self.cases, "Cases")
        self.tabs.addTab(self.page, "Read")
        self.tabs.addTab(self.compare, "Compare")
        self.tabs.setTabEnabled(1, False)
        corner, head = row_of(self.add), QWidget()
        corner.setContentsMargins(0, 0, 8, 0)  # under the button above
        self.tabs.setCornerWidget(corner)
        column = QVBoxLayout(head)
        column.setContentsMargins(8, 4, 8, 0)
        column.setSpacing(4)
        column.addWidget(row_of(self.title, self.who, self.leave))
        column.addWidget(self.trust)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(head)
        layout.addWidget(self.tabs, 1)

    def _connect(self) -> None:
        self.leave.clicked.connect(self.left)
        self.who.activated.connect(self._take_rater)
        self.add.clicked.connect(self._ask_more)
        self.cases.opened.connect(self.open_case)
        self.page.stepped.connect(self._step)
        self.page.again.connect(self._again)
        self.page.finished.connect(self._propose_next)
        self.page.closed.connect(self._note_closed)
        self.compare.showing.connect(self._leave_case)
        self.tabs.currentChanged.connect(self._turn)

    def _take_rater(self, *_: object) -> None:
        self._give_up()
        self._leave_case()
        self.compare.take_rater(self.rater)
        self.tabs.setCurrentWidget(self.cases)
        self.cases.message.say("")
        if self.rater:
            remember(self.project.root, rater=self.rater)
        self.look()

    def _ask_trust(self) -> None:
        """Images outside the project are read only from folders that the person confirms."""
        folders = self.project.untrusted()
        if folders:
            places = "\n".join(map(str, folders))
            self.trust.ask(
                f"This project takes scans from outside its own folder:\n{places}\nRead them from there?",
                {"Read them": partial(self._trust, folders), "Not now": None},
            )

    def _trust(self, folders: tuple[Path, ...]) -> None:
        self._take_project(replace(self.project, trusted=(*self.project.trusted, *folders)))

    def _take_project(self, project: Project) -> None:
        """More folders are trusted, or there are more cases and readers."""
        keep_trust(project)
        self.project = project
        self.compare.take_project(project)
        self.who.addItems([name for name in project.document.raters if self.who.findText(name) < 0])

    def _ask_more(self, *_: object) -> None:
        dialog = AddToProject(self.project, self)
        dialog.added.connect(self._show_more)
        dialog.open()

    def _show_more(self, project: Project) -> None:
        self._take_project(project)
        self.compare.clear()  # a new reader blinds cases again
        self.tabs.setCurrentWidget(self.cases)
        self.look()

    def _show_rows(self, rows: tuple[Row, ...]) -> None:
        self.cases.show_rows(rows, self.rater)

    def _end_looking(self) -> None:
        self._looking = None

    def _end_opening(self) -> None:
        self._opening = None

    def _show_case(self, opened: OpenCase) -> None:
        self.cases.message.say("")
        self.tabs.setTabEnabled(1, True)
        self.tabs.setCurrentWidget(self.page)
        self.page.show_case(opened)

    def _step(self, by: int) -> None:
        case = self.page.read.opened.record.case if self.page.read else ""
        following = self.cases.neighbour(case, by)
        if following is None:
            self.page.message.say(
                "This is the last case of the list." if by > 0 else "This is the first one."
            )
        else:
            self.open_case(following)

    def _again(self, start: Start) -> None:
        if self.page.read is not None:
            self.open_case(self.page.read.opened.record.case, start)

    def _propose_next(self, case: str) -> None:
        self.look()
        following = self.cases.next_to_do(case)
        if following is None:
            self.page.finishing.ask(
                "Finished. This was your last case to do.", {"Back to the cases": self._go_back}
            )
        else:
            go_on = {f"Read {following}": partial(self.open_case, following), "Stay": None}
            self.page.finishing.ask(f"Finished. The next one to do is {following}.", go_on)

    def _note_closed(self) -> None:
        self.tabs.setTabEnabled(1, False)
        self.tabs.setCurrentWidget(self.cases)
        self.cases.message.say("The case was closed with its layer. What was drawn is saved.")

    def _go_back(self) -> None:
        self.tabs.setCurrentWidget(self.cases)

    def _turn(self, *_: object) -> None:
        if self.tabs.currentWidget() is self.cases:
            self.look()
        elif self.tabs.currentWidget() is self.compare:
            read = self.page.read
            self.compare.look(read.opened.record.case if read is not None and read.is_frozen else "")

    def _leave_case(self) -> None:
        self.page.close_case()
        self.tabs.setTabEnabled(1, False)

    def _give_up(self) -> None:
        if self._opening is not None:
            self._opening.give_up()
            self._opening = None

    def _explain(self, error: DiffSegError) -> None:
        self.tabs.setCurrentWidget(self.cases)
        self.cases.message.say(str(error))


def _look(project: Project, rater: str, given_up: Flag) -> Iterator[tuple[Row, ...]]:
    yield overview(project, by=rater)
