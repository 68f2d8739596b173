"""The parts of a dock under one another."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget


def scrolling(*parts: QWidget, growing: QWidget | None = None) -> QScrollArea:
    """A column that scrolls up and down; a dock without would grow its window beyond the screen.

    Args:
        parts: from top to bottom.
        growing: the part that takes the room there is; None leaves it empty.
    """
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(8, 6, 8, 6)
    column.setSpacing(6)
    for part in parts:
        column.addWidget(part, int(part is growing))
    column.addStretch(int(growing is None))
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(content)
    return area
