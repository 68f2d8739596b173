"""Text that may come from a stranger's file, shown as it is."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy
from superqt import QElidingLabel


class PlainLabel(QLabel):
    """A label that never takes its text for markup, wraps it, and is gone while it has none."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setText(text)
        if not text:  # and not `say`: what is shown before it has a parent is a window
            self.hide()

    def say(self, text: str) -> None:
        """Show another text."""
        self.setText(text)
        self.setVisible(bool(text))


def heading(text: str) -> PlainLabel:
    """A title over a part of a dock."""
    label = PlainLabel(text)
    embolden(label)
    return label


def one_line(text: str = "") -> QElidingLabel:
    """Text as it is in a single line, cut in its middle where there is no room."""
    label = QElidingLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setElideMode(Qt.TextElideMode.ElideMiddle)
    return label


def embolden(label: QLabel) -> None:
    """Show a label's text in bold."""
    font = label.font()
    font.setBold(True)
    label.setFont(font)
