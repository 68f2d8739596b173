"""Asks what a new rater project should be."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_diffseg.errors import DiffSegError
from napari_diffseg.raters.lidc_form import LIDC_FORM
from napari_diffseg.raters.rating_form import PLAIN_FORM
from napari_diffseg.widgets.errand import Errand, give_up_all
from napari_diffseg.widgets.making_project import Plan, make_project
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rows import Rows, equal

_FORMS = {
    "Lesions, without ratings": (PLAIN_FORM, "lesion"),
    "Lung nodules, with the nine ratings of LIDC": (LIDC_FORM, "nodule"),
}
_PATH = Qt.ItemDataRole.UserRole


class NewProject(QDialog):
    """A form; what is made is made in a thread.

    Args:
        parent: of the dialog.

    Signals:
        made: the project's folder, a Path; the dialog closes.
    """

    made = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("New rater project")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.title, self.raters, self.classes = QLineEdit(), QLineEdit(), QLineEdit()
        self.form, self.copy = QComboBox(), QCheckBox("Copy the scans into the project")
        self.folder = Path.home()
        self.place, self.change = QElidingLabel(), QPushButton("Change…")
        self.scans = QListWidget()
        self.add_files, self.add_dicom = QPushButton("Add NIfTI files…"), QPushButton("Add DICOM folder…")
        self.drop = QPushButton("Remove")
        self.message = PlainLabel()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.create_ = QPushButton("Create project")
        self.buttons.addButton(self.create_, QDialogButtonBox.ButtonRole.AcceptRole)
        self._fill()
        self._lay_out()
        self._connect()
        self._review()

    def use_folder(self, folder: Path) -> None:
        """Make the project in this folder."""
        self.folder = folder
        self._review()

    def add_scans(self, *paths: Path) -> None:
        """Add scans; one that is listed already is not added again."""
        for path in paths:
            if path not in self._scans():
                item = QListWidgetItem(path.name)
                item.setData(_PATH, str(path))
                item.setToolTip(str(path))
                self.scans.addItem(item)
        self._review()

    def plan(self) -> Plan:
        """What the form says."""
        form, _ = _FORMS[self.form.currentText()]
        return Plan(
            self.folder,
            self.title.text().strip(),
            self._scans(),
            _names(self.classes.text()),
            _names(self.raters.text()),
            form,
            self.copy.isChecked(),
        )

    def make(self) -> None:
        """Make the project."""
        self.create_.setEnabled(False)
        errand = Errand(self, make_project, self.plan())
        errand.told.connect(self._tell)
        errand.failed.connect(self._explain)
        errand.run()

    def done(self, result: int) -> None:
        """Called by Qt when the dialog closes, by whichever way."""
        give_up_all(self)
        super().done(result)

    def _fill(self) -> None:
        self.title.setPlaceholderText("for example: Nodules 2026")
        self.raters.setPlaceholderText("for example: Anna Berg, Ben Ochs")
        self.raters.setToolTip("Everybody who reads, separated by commas.")
        self.classes.setToolTip("What is outlined, separated by commas.")
        self.form.addItems(list(_FORMS))
        self.form.setToolTip("What may be marked, and what is asked about each lesion.")
        self.classes.setText(_FORMS[self.form.currentText()][1])
        self.copy.setChecked(True)
        self.copy.setToolTip(
            "Otherwise they stay where they are, and everybody must reach them under the same path. "
            "DICOM is always written into the project."
        )
        self.place.setTextFormat(Qt.TextFormat.PlainText)
        self.place.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.scans.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)

    def _lay_out(self) -> None:
        upper, lower = QWidget(), QWidget()
        rows = Rows(upper)
        rows.add("Title", self.title)
        rows.add("Readers", self.raters)
        rows.add("Form", self.form)
        rows.add("Classes", self.classes)
        Rows(lower).add("Folder", self.place, self.change)
        layout = QVBoxLayout(self)
        for widget in (
            upper,
            PlainLabel("Scans, a case each:"),
            self.scans,
            equal(self.add_files, self.add_dicom, self.drop),
            self.copy,
            lower,
            self.message,
            self.buttons,
        ):
            layout.addWidget(widget)
        self.resize(480, 460)

    def _connect(self) -> None:
        self.title.textChanged.connect(self._review)
        self.raters.textChanged.connect(self._review)
        self.classes.textChanged.connect(self._review)
        self.form.currentTextChanged.connect(self._take_form)
        self.change.clicked.connect(self._ask_folder)
        self.add_files.clicked.connect(self._ask_files)
        self.add_dicom.clicked.connect(self._ask_dicom)
        self.drop.clicked.connect(self._drop)
        self.buttons.accepted.connect(self.make)
        self.buttons.rejected.connect(self.reject)

    def _scans(self) -> tuple[Path, ...]:
        items = [self.scans.item(row) for row in range(self.scans.count())]
        return tuple(Path(item.data(_PATH)) for item in items if item is not None)

    def _review(self, *_: object) -> None:
        plan = self.plan()
        self.place.setText(str(plan.root))
        self.place.setToolTip(str(plan.root))
        self.create_.setEnabled(all((plan.title, plan.raters, plan.classes, plan.scans)))

    def _take_form(self, *_: object) -> None:
        """Another form proposes its class, unless the person named others."""
        if self.classes.text() in [proposed for _, proposed in _FORMS.values()]:
            self.classes.setText(_FORMS[self.form.currentText()][1])

    def _ask_folder(self, *_: object) -> None:
        name = QFileDialog.getExistingDirectory(self, "Make the project in this folder", str(self.folder))
        if name:
            self.use_folder(Path(name))

    def _ask_files(self, *_: object) -> None:
        names, _kind = QFileDialog.getOpenFileNames(self, "Add scans", "", "NIfTI (*.nii *.nii.gz)")
        self.add_scans(*(Path(name) for name in names))

    def _ask_dicom(self, *_: object) -> None:
        name = QFileDialog.getExistingDirectory(self, "Add the folder of one DICOM series")
        if name:
            self.add_scans(Path(name))

    def _drop(self, *_: object) -> None:
        for item in self.scans.selectedItems():
            self.scans.takeItem(self.scans.row(item))
        self._review()

    def _tell(self, told: str | Path) -> None:
        if isinstance(told, Path):
            self.made.emit(told)
            self.accept()
        else:
            self.message.say(told)

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))
        self.create_.setEnabled(True)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip()))
