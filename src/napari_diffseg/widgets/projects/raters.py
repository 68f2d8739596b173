"""The Raters dock: several people read the same cases, blind to one another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag

from napari.components import ViewerModel
from qtpy.QtWidgets import QStackedLayout

from napari_diffseg.errors import DiffSegError
from napari_diffseg.raters.project import Project, open_project
from napari_diffseg.widgets.dock import Dock
from napari_diffseg.widgets.errand import Errand, give_up_all
from napari_diffseg.widgets.projects.new_project import NewProject
from napari_diffseg.widgets.projects.project_view import ProjectView
from napari_diffseg.widgets.projects.start_page import StartPage

_LEAST_WIDTH, _WIDTH = 320, 360  # wide enough for a list of lesions


class RatersWidget(Dock):
    """First a project is chosen, then its view takes the dock.

    Args:
        napari_viewer: in which cases are read.

    Attributes:
        view: of the open project; None before.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, least_width=_LEAST_WIDTH, width=_WIDTH)
        self.start = StartPage()
        self.view: ProjectView | None = None
        self._layout = QStackedLayout(self)
        self._layout.addWidget(self.start)
        self.start.chosen.connect(self.open_project)
        self.start.wanted.connect(self._ask_new)

    def open_project(self, root: Path) -> None:
        """Open the project in a folder."""
        self.start.problem.say("Opening…")
        errand = Errand(self, _open, root)
        errand.told.connect(self._show)
        errand.failed.connect(self._explain)
        errand.run()

    def shut_down(self) -> None:
        """Save, leave the read, and leave no thread; may be called again."""
        super().shut_down()
        if self.view is not None:
            self.view.close_down()
            self.view = None

    def colour(self, event: object = None) -> None:
        """Take the colours of the viewer's theme."""
        if self.view is not None:
            self.view.page.colour()
            self.view.compare.colour()

    def _show(self, project: Project) -> None:
        self._leave()
        self.start.problem.say("")
        self.view = ProjectView(self._viewer, project)
        self.view.left.connect(self._leave)
        self._layout.addWidget(self.view)
        self._layout.setCurrentWidget(self.view)

    def _leave(self) -> None:
        view, self.view = self.view, None
        if view is None:
            return
        give_up_all(view)
        view.close_down()
        self._layout.removeWidget(view)
        view.deleteLater()
        self.start.list_recent()
        self._layout.setCurrentWidget(self.start)

    def _ask_new(self) -> None:
        dialog = NewProject(self)
        dialog.made.connect(self.open_project)
        dialog.open()

    def _explain(self, error: DiffSegError) -> None:
        self.start.problem.say(str(error))


def _open(root: Path, given_up: Flag) -> Iterator[Project]:
    yield open_project(root)
