"""A dialog in which cases are chosen, and then added in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.widgets.errand import Errand, give_up_all
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.projects.adding_cases import Adding
from napari_diffseg.widgets.projects.case_chooser import CaseChooser


class CasesDialog(QDialog):
    """Closes when all is done, or once it has stopped where the person cancels.

    Args:
        title: of the window.
        action: on the button that begins.
        cases: the form's part in which they are chosen.
        parent: of the dialog.

    Attributes:
        go: the button that begins.
        message: what is wrong, or being done.
    """

    def __init__(self, title: str, action: str, cases: CaseChooser, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.cases, self.go = cases, QPushButton(action)
        self.bar, self.message = QProgressBar(), PlainLabel()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.addButton(self.go, QDialogButtonBox.ButtonRole.AcceptRole)
        self._form, self._adding = QWidget(), ""
        self._errand: Errand | None = None
        self._stopping = self._failed = False
        self.bar.setTextVisible(False)
        self.bar.hide()
        self.buttons.accepted.connect(self.make)
        self.buttons.rejected.connect(self.reject)
        cases.changed.connect(self.review)

    def lay_out(self, *parts: QWidget) -> None:
        """Put the form's parts under one another; the cases take the room there is."""
        column, layout = QVBoxLayout(self._form), QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in parts:
            column.addWidget(part, int(part is self.cases))
        layout.addWidget(self._form, 1)
        for widget in (self.bar, self.message, self.buttons):
            layout.addWidget(widget)

    def make(self) -> None:
        """Do what the form says."""
        raise NotImplementedError

    def problem(self) -> str:
        """What is wrong with the form or lacks, in a sentence; empty where it can be done."""
        raise NotImplementedError

    def take(self, told: Any) -> None:
        """Take in what the thread tells beside which case is being added."""
        raise NotImplementedError

    def begin(self, function: Callable[..., Iterator[Any]], *args: Any) -> None:
        """Run a generator function in a thread."""
        self._failed = False
        self._form.setEnabled(False)
        self.go.setEnabled(False)
        self.bar.setRange(0, 0)
        self.bar.show()
        self._errand = Errand(self, function, *args)
        self._errand.told.connect(self._tell)
        self._errand.failed.connect(self._explain)
        self._errand.ended.connect(self._end)
        self._errand.run()

    def review(self, *_: object) -> None:
        """Say what is wrong with the form; nothing is said while something runs."""
        if self._errand is None:
            problem = self.problem()
            self.message.say(problem)
            self.go.setEnabled(not problem)

    def reject(self) -> None:
        """Called by Qt when the person closes the dialog; what runs is ended first."""
        if self._errand is None:
            super().reject()
            return
        self._stopping = True
        self._errand.stop()
        self.buttons.setEnabled(False)
        self.message.say("Stopping after this case…")

    def done(self, result: int) -> None:
        """Called by Qt when the dialog closes, by whichever way."""
        give_up_all(self)
        super().done(result)

    def _tell(self, told: object) -> None:
        if not isinstance(told, Adding):
            self.take(told)
            return
        self._adding = told.case
        self.bar.setRange(0, told.of if told.of > 1 else 0)
        self.bar.setValue(told.number - 1)
        if not self._stopping:
            self.message.say(f"Adding {told.case} ({told.number} of {told.of})…")

    def _explain(self, error: DiffSegError) -> None:
        self._failed = True
        self.message.say(str(error))
        self.cases.point_at(self._adding)

    def _end(self) -> None:
        self._errand = None
        self.bar.hide()
        if self._stopping:
            super().reject()
        elif not self._failed:
            self.accept()
        self._form.setEnabled(True)
        self.go.setEnabled(True)
