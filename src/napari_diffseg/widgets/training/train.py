"""The Train dock: start a run, watch it, close napari, come back, segment with the result."""

from __future__ import annotations

from pathlib import Path

from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QTabWidget, QVBoxLayout

from napari_diffseg.errors import DiffSegError
from napari_diffseg.widgets.dock import Dock
from napari_diffseg.widgets.preferences import prefer_runs_folder, preferred_runs_folder
from napari_diffseg.widgets.training.new_run import NewRun
from napari_diffseg.widgets.training.runs import Runs

_LEAST_WIDTH, _WIDTH = 320, 400  # wide enough for a table of runs


class TrainWidget(Dock):
    """Two tabs: a new run, and all runs. A run is a process of its own; this only follows its folder.

    Args:
        napari_viewer: gets previews; its layers may become a data set.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, least_width=_LEAST_WIDTH, width=_WIDTH)
        folder = preferred_runs_folder()
        self.new, self.runs = NewRun(napari_viewer, folder), Runs(napari_viewer, folder)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.new, "New run")
        self.tabs.addTab(self.runs, "Runs")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(self.tabs)
        self.new.made.connect(self._begin)
        self.new.moved.connect(self._move)
        start = QShortcut(QKeySequence("Ctrl+Return"), self.new)
        start.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        start.activated.connect(self.new.press_start)
        self.colour()

    def shut_down(self) -> None:
        """Leave no thread; runs go on. May be called again."""
        self.runs.close_down()
        super().shut_down()

    def colour(self, event: object = None) -> None:
        """Take the colours of the viewer's theme."""
        self.new.data.colour()
        self.runs.view.colour()

    def _begin(self, run: Path) -> None:
        self.tabs.setCurrentWidget(self.runs)
        try:
            self.runs.begin(run)
        except DiffSegError as error:
            self.runs.message.say(str(error))

    def _move(self, folder: Path) -> None:
        prefer_runs_folder(folder)
        self.runs.use_folder(folder)
