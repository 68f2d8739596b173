"""Asks what a new rater project should be."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QLineEdit, QPushButton, QWidget
from superqt import QElidingLabel

from napari_diffseg.raters.lidc_form import LIDC_FORM
from napari_diffseg.raters.memory import keep_trust
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.rating_form import PLAIN_FORM
from napari_diffseg.widgets.projects.case_chooser import CaseChooser
from napari_diffseg.widgets.projects.cases_dialog import CasesDialog
from napari_diffseg.widgets.projects.making_project import Plan, make_project
from napari_diffseg.widgets.projects.protocol_form import ProtocolForm
from napari_diffseg.widgets.projects.reader_names import names_in, problem_with
from napari_diffseg.widgets.rows import Rows
from napari_diffseg.widgets.section import Section

_FORMS = {
    "Lesions, without ratings": (PLAIN_FORM, "lesion"),
    "Lung nodules, with the nine ratings of LIDC": (LIDC_FORM, "nodule"),
}


class NewProject(CasesDialog):
    """A form; what is made is made in a thread.

    Args:
        parent: of the dialog.

    Signals:
        made: the project's folder, a Path; the dialog closes.
    """

    made = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("New rater project", "Create project", CaseChooser(), parent)
        self.title, self.raters, self.classes = QLineEdit(), QLineEdit(), QLineEdit()
        self.form, self.protocol = QComboBox(), ProtocolForm()
        self.folder = Path.home()
        self.place, self.change = QElidingLabel(), QPushButton("Change…")
        self._fill()
        self._arrange()
        self._connect()
        self.review()

    def use_folder(self, folder: Path) -> None:
        """Make the project in this folder."""
        self.folder = folder
        self.review()

    def plan(self) -> Plan:
        """What the form says."""
        form, _ = _FORMS[self.form.currentText()]
        return Plan(
            folder=self.folder,
            title=self.title.text().strip(),
            cases=self.cases.drafts,
            classes=names_in(self.classes.text()),
            raters=names_in(self.raters.text()),
            form=form,
            protocol=self.protocol.protocol(),
            copy=self.cases.copy.isChecked(),
        )

    def make(self) -> None:
        """Make the project."""
        self.begin(make_project, self.plan())

    def problem(self) -> str:
        """What is wrong with the form or lacks."""
        plan = self.plan()
        needed = {"a title": plan.title, "readers": plan.raters, "classes": plan.classes, "cases": plan.cases}
        lacking = ", ".join(words for words, given in needed.items() if not given)
        return problem_with(plan.raters) or (f"Still needed: {lacking}." if lacking else "")

    def review(self, *_: object) -> None:
        """Show where the project will be too."""
        super().review()
        root = str(self.plan().root)
        self.place.setText(root)
        self.place.setToolTip(root)

    def take(self, told: Project) -> None:
        """The project is made; whoever chose files trusts their folders."""
        keep_trust(told)
        self.made.emit(told.root)

    def _fill(self) -> None:
        self.title.setPlaceholderText("for example: Nodules 2026")
        self.raters.setPlaceholderText("for example: Anna Berg, Ben Ochs")
        self.raters.setToolTip("Everybody who reads, separated by commas.")
        self.classes.setToolTip("What is outlined, separated by commas.")
        self.form.addItems(list(_FORMS))
        self.form.setToolTip("What may be marked, and what is asked about each lesion.")
        self.classes.setText(_FORMS[self.form.currentText()][1])
        self.place.setTextFormat(Qt.TextFormat.PlainText)
        self.place.setElideMode(Qt.TextElideMode.ElideMiddle)

    def _arrange(self) -> None:
        upper, lower = QWidget(), QWidget()
        rows = Rows(upper)
        rows.add("Title", self.title)
        rows.add("Readers", self.raters)
        rows.add("Form", self.form)
        rows.add("Classes", self.classes)
        Rows(lower).add("Folder", self.place, self.change)
        self.lay_out(upper, self.cases, Section("Protocol", self.protocol), lower)
        self.resize(520, 600)

    def _connect(self) -> None:
        self.title.textChanged.connect(self.review)
        self.raters.textChanged.connect(self.review)
        self.classes.textChanged.connect(self.review)
        self.form.currentTextChanged.connect(self._take_form)
        self.change.clicked.connect(self._ask_folder)

    def _take_form(self, *_: object) -> None:
        """Another form proposes its class, unless the person named others."""
        if self.classes.text() in [proposed for _, proposed in _FORMS.values()]:
            self.classes.setText(_FORMS[self.form.currentText()][1])

    def _ask_folder(self, *_: object) -> None:
        name = QFileDialog.getExistingDirectory(self, "Make the project in this folder", str(self.folder))
        if name:
            self.use_folder(Path(name))
