"""The Train dock: start a run, watch it, close napari, come back, segment with the result."""

from __future__ import annotations

from pathlib import Path

from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QApplication, QShortcut, QTabWidget, QVBoxLayout, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.widgets.errand import give_up_all
from napari_diffseg.widgets.new_run import NewRun
from napari_diffseg.widgets.preferences import prefer_runs_folder, preferred_runs_folder
from napari_diffseg.widgets.runs import Runs

_LEAST_WIDTH, _WIDTH = 320, 400


class TrainWidget(QWidget):
    """Two tabs: a new run, and all runs. A run is a process of its own; this only follows its folder.

    Args:
        napari_viewer: gets previews; its layers may become a data set.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = napari_viewer
        folder = preferred_runs_folder()
        self.new, self.runs = NewRun(napari_viewer, folder), Runs(napari_viewer, folder)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.new, "New run")
        self.tabs.addTab(self.runs, "Runs")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(self.tabs)
        self.setMinimumWidth(_LEAST_WIDTH)
        self.new.made.connect(self._begin)
        self.new.moved.connect(self._move)
        self._viewer.events.theme.connect(self._colour)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.shut_down)
        start = QShortcut(QKeySequence("Ctrl+Return"), self.new)
        start.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        start.activated.connect(self.new.press_start)
        self._colour()

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Wide enough for a table of runs; napari makes docks as narrow as this."""
        return QSize(_WIDTH, super().sizeHint().height())

    def event(self, event: QEvent | None) -> bool:
        """Notice that the dock was removed: napari takes it from its parent and tells nothing else."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.shut_down()
        return bool(super().event(event))

    def shut_down(self) -> None:
        """Leave no thread; runs go on. When the dock or the viewer closes, perhaps for both."""
        self.runs.close_down()
        give_up_all(self)
        self._viewer.events.theme.disconnect(self._colour)

    def _begin(self, run: Path) -> None:
        self.tabs.setCurrentWidget(self.runs)
        try:
            self.runs.begin(run)
        except DiffSegError as error:
            self.runs.message.say(str(error))

    def _move(self, folder: Path) -> None:
        prefer_runs_folder(folder)
        self.runs.use_folder(folder)

    def _colour(self, event: object = None) -> None:
        self.new.data.colour()
        self.runs.view.colour()
