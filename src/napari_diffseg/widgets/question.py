"""A question inside a dock: it waits, and stops nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout

from napari_diffseg.widgets.plain_label import PlainLabel

Answer = Callable[[], None]


class Question(QFrame):
    """A sentence and buttons in a frame; gone once it is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = PlainLabel()
        self.buttons: dict[str, QPushButton] = {}
        self._row = QHBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(self.text)
        layout.addLayout(self._row)
        self.hide()

    def ask(self, text: str, answers: Mapping[str, Answer | None]) -> None:
        """Ask, in the place of what was asked before.

        Args:
            text: of the question.
            answers: what a button says, and what is done then; the last is the one that does no harm.
        """
        self.withdraw()
        self.text.say(text)
        for words, answer in answers.items():
            button = self.buttons[words] = QPushButton(words)
            button.clicked.connect(lambda _=False, answer=answer: self._take(answer))
            self._row.addWidget(button)
        self.show()
        button.setFocus()

    def withdraw(self) -> None:
        """Ask no more."""
        for button in self.buttons.values():
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = {}
        self.hide()

    def _take(self, answer: Answer | None) -> None:
        self.withdraw()
        if answer is not None:
            answer()
