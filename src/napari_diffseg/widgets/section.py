"""A part of a dock that opens and closes."""

from __future__ import annotations

from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QWidget
from superqt import QCollapsible


class Section(QCollapsible):
    """A title that shows or hides what is under it.

    The arrow is part of the title, so that it has the theme's colour; superqt's icon is black on dark.
    """

    def __init__(self, title: str, content: QWidget) -> None:
        super().__init__(expandedIcon=QIcon(), collapsedIcon=QIcon())
        self._title = title
        self.setContentsMargins(-9, -9, -9, -9)
        self.addWidget(content)
        self.toggled.connect(self._write)
        self._write(False)

    def _write(self, opened: bool) -> None:
        self.setText(f"{'▾' if opened else '▸'}  {self._title}")
        self.content().setEnabled(opened)  # closed it has no height, but the Tab key would still enter it
