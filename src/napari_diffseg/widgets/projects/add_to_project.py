"""Asks which cases and readers a project should have beside those that it has."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLineEdit, QWidget

from napari_diffseg.raters.project import Project
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.projects.adding_cases import Added, add_to_project
from napari_diffseg.widgets.projects.case_chooser import CaseChooser
from napari_diffseg.widgets.projects.cases_dialog import CasesDialog
from napari_diffseg.widgets.projects.reader_names import names_in, problem_with
from napari_diffseg.widgets.rows import Rows

_ABOUT = (
    "For the project’s owner. Others see what you add when they next open the project. A new reader reads "
    "every case, so cases that are unblinded are blinded again until they have finished them."
)


class AddToProject(CasesDialog):
    """A form; what it says is added in a thread, and leaves the form as soon as it is in the project.

    Args:
        project: to add to.
        parent: of the dialog.

    Signals:
        added: the dialog closes, and the project is this one.
    """

    added = Signal(object)

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        cases = CaseChooser(entry.name for entry in project.document.cases)
        super().__init__(f"Add to {project.document.title}", "Add", cases, parent)
        self._before = self._project = project
        self.raters, form = QLineEdit(), QWidget()
        self.raters.setPlaceholderText("only new ones, separated by commas")
        Rows(form).add("New readers", self.raters)
        self.lay_out(PlainLabel(_ABOUT), form, cases)
        self.resize(480, 440)
        self.raters.textChanged.connect(self.review)
        self.review()

    def make(self) -> None:
        """Add what the form says."""
        names, copy = names_in(self.raters.text()), self.cases.copy.isChecked()
        self.begin(add_to_project, self._project, names, self.cases.drafts, copy)

    def problem(self) -> str:
        """What is wrong with the form or lacks."""
        names = names_in(self.raters.text())
        lacking = "" if names or self.cases.drafts else "Still needed: readers or cases."
        return problem_with(names, self._project.document.raters) or lacking

    def take(self, told: Added) -> None:
        """Leave out what is in the project now."""
        self._project = told.project
        if told.case:
            self.cases.remove(told.case)
        else:
            left = [name for name in names_in(self.raters.text()) if name not in told.project.document.raters]
            self.raters.setText(", ".join(left))

    def done(self, result: int) -> None:
        """Called by Qt when the dialog closes, by whichever way."""
        super().done(result)
        if self._project is not self._before:
            self.added.emit(self._project)
