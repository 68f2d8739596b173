"""What the dock shows before a project is open."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QPushButton, QVBoxLayout, QWidget

from napari_diffseg.raters.memory import recent_projects
from napari_diffseg.widgets.column import scrolling
from napari_diffseg.widgets.plain_label import PlainLabel, heading
from napari_diffseg.widgets.rows import equal

_MOST = 5
_WELCOME = (
    "Several people read the same scans, each without seeing what the others drew. A project is a folder, "
    "on this computer or on a shared drive."
)


class StartPage(QWidget):
    """Open a project, make one, or take up one of the last.

    Signals:
        chosen: a project's folder, a Path.
        wanted: the person wants to make a new one.
    """

    chosen = Signal(object)
    wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.open, self.new = QPushButton("Open project…"), QPushButton("New project…")
        self.open.setToolTip("The folder that holds raters.json.")
        self.problem = PlainLabel()
        self.last: list[QPushButton] = []
        self._title, self._list = heading("Last projects"), QWidget()
        QVBoxLayout(self._list).setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(
            scrolling(PlainLabel(_WELCOME), equal(self.open, self.new), self.problem, self._title, self._list)
        )
        self.open.clicked.connect(self._ask)
        self.new.clicked.connect(self.wanted)
        self.list_recent()

    def list_recent(self) -> None:
        """List the last projects anew."""
        for button in self.last:
            button.deleteLater()
        self.last = []
        column = self._list.layout()
        assert column is not None
        for root, told in list(recent_projects().items())[:_MOST]:
            button = QPushButton((told.title or root.name).replace("&", "&&"))
            button.setToolTip(str(root))
            button.clicked.connect(lambda _=False, root=root: self.chosen.emit(root))
            column.addWidget(button)
            self.last.append(button)
        self._title.setVisible(bool(self.last))

    def _ask(self, *_: object) -> None:
        name = QFileDialog.getExistingDirectory(self, "Choose a project's folder")
        if name:
            self.chosen.emit(Path(name))
