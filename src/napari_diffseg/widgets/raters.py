"""The Raters dock: several people read the same cases, blind to one another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag

from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QSize
from qtpy.QtWidgets import QApplication, QStackedLayout, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.raters.project import Project, open_project
from napari_diffseg.widgets.errand import Errand, give_up_all
from napari_diffseg.widgets.new_project import NewProject
from napari_diffseg.widgets.project_view import ProjectView
from napari_diffseg.widgets.start_page import StartPage

_LEAST_WIDTH, _WIDTH = 320, 360


class RatersWidget(QWidget):
    """First a project is chosen, then its view takes the dock.

    Args:
        napari_viewer: in which cases are read.

    Attributes:
        view: of the open project; None before.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.start, self.view = StartPage(), None  # type: StartPage, ProjectView | None
        self._layout = QStackedLayout(self)
        self._layout.addWidget(self.start)
        self.setMinimumWidth(_LEAST_WIDTH)
        self.start.chosen.connect(self.open_project)
        self.start.wanted.connect(self._ask_new)
        self._viewer.events.theme.connect(self._colour)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.shut_down)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Wide enough for a list of lesions; napari makes docks as narrow as this."""
        return QSize(_WIDTH, super().sizeHint().height())

    def event(self, event: QEvent | None) -> bool:
        """Notice that the dock was removed: napari takes it from its parent and tells nothing else."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.shut_down()
        return bool(super().event(event))

    def open_project(self, root: Path) -> None:
        """Open the project in a folder."""
        self.start.problem.say("Opening…")
        errand = Errand(self, _open, root)
        errand.told.connect(self._show)
        errand.failed.connect(self._explain)
        errand.run()

    def shut_down(self) -> None:
        """Save, leave the read, and leave no thread; when the dock or the viewer closes, perhaps for both."""
        give_up_all(self)
        if self.view is not None:
            self.view.close_down()
            self.view = None
        self._viewer.events.theme.disconnect(self._colour)

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

    def _colour(self, event: object = None) -> None:
        if self.view is not None:
            self.view.page.colour()
            self.view.compare.colour()


def _open(root: Path, given_up: Flag) -> Iterator[Project]:
    yield open_project(root)
