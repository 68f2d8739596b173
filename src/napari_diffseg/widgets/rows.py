"""Widgets under one another and beside one another, and labelled rows."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

_LABEL_WIDTH = 72


class Rows(QFormLayout):
    """A form whose labels are as wide as those of a dock's other forms, and whose fields may shrink."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.setContentsMargins(0, 0, 0, 0)
        self.setVerticalSpacing(4)
        self.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def add(self, title: str, field: QWidget, *beside: QWidget) -> QWidget:
        """Add a row; what it returns stands for the row in `setRowVisible`.

        Args:
            title: as it stands on the left; it may come from a file.
            field: takes the room there is; its tooltip is the label's too.
            beside: as wide as needed, at the end of the row.
        """
        label = QLabel(title)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setMinimumWidth(_LABEL_WIDTH)
        label.setToolTip(field.toolTip())
        label.setBuddy(field)
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row = row_of(field, *beside) if beside else field
        self.addRow(label, row)
        return row


def equal(*widgets: QWidget) -> QWidget:
    """Widgets beside one another, each as wide as the others."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for widget in widgets:
        widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout.addWidget(widget, 1)
    return row


def row_of(field: QWidget, *beside: QWidget) -> QWidget:
    """Widgets beside one another; the first, and others that may shrink, share the room there is."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    layout.addWidget(field, 1)
    for widget in beside:
        shares = widget.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Ignored
        layout.addWidget(widget, int(shares))
    return row


def column_in(
    widget: QWidget, *parts: QWidget, spacing: int = 4, growing: QWidget | None = None
) -> QVBoxLayout:
    """Put widgets under one another into an empty one, up to its edges; gives their layout.

    Args:
        widget: that holds them from now on.
        parts: from top to bottom.
        spacing: between them, in pixels.
        growing: the part that takes the room there is.
    """
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(spacing)
    for part in parts:
        column.addWidget(part, int(part is growing))
    return column


def tab_after(part: QWidget, *following: QWidget) -> None:
    """Let the Tab key come to these after all that is in a part, though the part is newer."""
    last: QWidget = part
    inside = part.nextInFocusChain()
    while inside is not None and part.isAncestorOf(inside):
        last, inside = inside, inside.nextInFocusChain()
    for widget in following:
        QWidget.setTabOrder(last, widget)
        last = widget
