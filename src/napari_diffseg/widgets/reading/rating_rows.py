"""The questions about a lesion: one row each, answered with the mouse or with the digits."""

from __future__ import annotations

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtGui import QKeyEvent, QWheelEvent
from qtpy.QtWidgets import QComboBox

from napari_diffseg.raters.rating_form import RatingField, RatingForm
from napari_diffseg.widgets.rows import Rows

_OPEN = "not rated"


class RatingBox(QComboBox):
    """The scale of one question; a digit chooses that value and goes on, Backspace takes it back.

    Signals:
        answered: a person chose a value, or took it back.
        passed: a digit was pressed, so the next question is due.
        left: Escape was pressed.
    """

    answered = Signal()
    passed = Signal()
    left = Signal()

    def __init__(self, field: RatingField) -> None:
        super().__init__()
        for grade in field.scale:
            self.addItem(f"{grade.value}  {grade.words}", grade.value)
            self.setItemData(self.count() - 1, grade.words, Qt.ItemDataRole.ToolTipRole)
        self.setPlaceholderText(_OPEN)
        self.setCurrentIndex(-1)
        self.setToolTip(f"{field.help} Press the number; Backspace takes it back.".strip())
        self.activated.connect(self._tell)

    @property
    def value(self) -> int | None:
        """None while the question is open."""
        chosen: int | None = self.currentData()
        return chosen

    def show_value(self, value: int | None) -> None:
        """Show an answer without telling it."""
        self.setCurrentIndex(-1 if value is None else self.findData(value))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 (Qt's name)
        """Called by Qt; a digit never goes on to the viewer, where it would choose another tool."""
        assert event is not None
        if event.text().isdigit():
            place = self.findData(int(event.text()))
            if place >= 0:
                self.setCurrentIndex(place)
                self._tell()
                self.passed.emit()
        elif event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            self.setCurrentIndex(-1)
            self._tell()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802 (Qt's name)
        """Called by Qt; scrolling past a question must not answer it."""
        assert event is not None
        event.ignore()

    def _tell(self, *_: object) -> None:
        self.answered.emit()


class RatingRows(QObject):
    """A form's questions as rows among others.

    Args:
        form: of the project.
        rows: that they are added to.

    Signals:
        changed: a person gave another answer.
        left: they want back to the picture.
    """

    changed = Signal()
    left = Signal()

    def __init__(self, form: RatingForm, rows: Rows) -> None:
        super().__init__(rows)
        self._rows = rows
        self.boxes = {field.name: RatingBox(field) for field in form.fields}
        for field in form.fields:
            box = self.boxes[field.name]
            rows.add(field.title, box)
            box.answered.connect(self.changed)
            box.passed.connect(self._go_on)
            box.left.connect(self.left)

    def answers(self) -> dict[str, int]:
        """Value by the name of the question; open ones are not in it."""
        return {name: box.value for name, box in self.boxes.items() if box.value is not None}

    def show_answers(self, ratings: dict[str, int]) -> None:
        """Show a lesion's answers."""
        for name, box in self.boxes.items():
            box.show_value(ratings.get(name))

    def set_visible(self, visible: bool) -> None:
        """Whether the questions are asked at all."""
        for box in self.boxes.values():
            self._rows.setRowVisible(box, visible)

    def take_focus(self) -> None:
        """Go to the first open question, or to the first one."""
        boxes = list(self.boxes.values())
        if boxes:
            next((box for box in boxes if box.value is None), boxes[0]).setFocus()

    def _go_on(self) -> None:
        boxes = list(self.boxes.values())
        here = next(place for place, box in enumerate(boxes) if box is self.sender())
        boxes[min(here + 1, len(boxes) - 1)].setFocus()
