"""Asks what is to be exported of a project, and where to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_diffseg.errors import DiffSegError
from napari_diffseg.io.naming import slug, unused
from napari_diffseg.raters.consensus import Way
from napari_diffseg.raters.export import Exported, export
from napari_diffseg.raters.project import Project
from napari_diffseg.widgets.consensus_panel import WAYS, WayChooser
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rows import Rows, row_of
from napari_diffseg.widgets.wording import count

_ABOUT = (
    "For each case every reader’s mask and their consensus as NIfTI on the scan’s grid; ratings, agreement "
    "and lesions as CSV. To train on the reads no export is needed: open the project’s folder in Train."
)
_WAYS: tuple[Way, ...] = ("majority", "union", "intersection", "level", "staple")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be exported.

    Args:
        folder: to make.
        way: of the consensus.
        level: likewise.
        anonymous: whether readers are numbered in the place of names.
        dicom: where the cases' DICOM series lie; None for no DICOM segmentations.
    """

    folder: Path
    way: Way
    level: float
    anonymous: bool
    dicom: Path | None


class ExportDialog(QDialog):
    """A form; what is written is written in a thread.

    Args:
        project: to export.
        parent: of the dialog.
    """

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export reads")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._project, self._parent_folder = project, project.root.parent
        self._dicom: Path | None = None
        self.way, self.level = WayChooser(_WAYS), QDoubleSpinBox()
        self.anonymous = QCheckBox("Readers as numbers, others in every case")
        self.name, self.change = QLineEdit(self._proposed()), QPushButton("Change…")
        self.place, self.dicom, self.choose_dicom = (
            QElidingLabel(),
            QElidingLabel("none"),
            QPushButton("Choose…"),
        )
        self.bar, self.message = QProgressBar(), PlainLabel()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.export_ = QPushButton("Export")
        self.buttons.addButton(self.export_, QDialogButtonBox.ButtonRole.ActionRole)
        self._lay_out()
        self._connect()
        self._show()

    def use_folder(self, folder: Path) -> None:
        """Make the new folder in this one."""
        self._parent_folder = folder
        self._show()

    def use_dicom(self, folder: Path | None) -> None:
        """Write DICOM segmentations of the series below this folder; None writes none."""
        self._dicom = folder
        self._show()

    def wish(self) -> Wish:
        """What the form says."""
        return Wish(
            self._parent_folder / self.name.text().strip(),
            self.way.currentData(),
            self.level.value(),
            self.anonymous.isChecked(),
            self._dicom,
        )

    def begin(self, *_: object) -> None:
        """Export."""
        self.export_.setEnabled(False)
        self.message.say("")
        self.bar.show()
        errand = Errand(self, _export, self._project, self.wish())
        errand.told.connect(self._tell)
        errand.failed.connect(self._explain)
        errand.ended.connect(self._end)
        errand.run()

    def reject(self) -> None:
        """Called by Qt when the person closes the dialog; while it exports it stays."""
        if self.bar.isHidden():
            super().reject()
        else:
            self.message.say("Still exporting; the window can be closed when that is done.")

    def _lay_out(self) -> None:
        self.level.setRange(0.01, 1.0)
        self.level.setSingleStep(0.05)
        self.level.setValue(0.5)
        self.level.setToolTip(WAYS["level"][1])
        self.anonymous.setToolTip("“reader 1” to “reader n” in the place of names.")
        self.choose_dicom.setToolTip(
            "The folder of the DICOM series that the cases were made from, for a DICOM segmentation of every "
            "read beside the NIfTI."
        )
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.hide()
        for label in (self.place, self.dicom):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setElideMode(Qt.TextElideMode.ElideMiddle)
        form = QWidget()
        rows = Rows(form)
        rows.add("Consensus", self.way)
        self._rows, self._level_row = rows, rows.add("Share", self.level)
        rows.add("DICOM", self.dicom, self.choose_dicom)
        rows.add("New folder", self.name)
        rows.add("In", self.place, self.change)
        layout = QVBoxLayout(self)
        parts = (PlainLabel(_ABOUT), form, row_of(self.anonymous), self.bar, self.message, self.buttons)
        for part in parts:
            layout.addWidget(part)
        self.resize(460, 330)

    def _connect(self) -> None:
        self.way.currentIndexChanged.connect(self._show)
        self.name.textChanged.connect(self._show)
        self.change.clicked.connect(self._ask_folder)
        self.choose_dicom.clicked.connect(self._ask_dicom)
        self.export_.clicked.connect(self.begin)
        self.buttons.rejected.connect(self.reject)

    def _proposed(self) -> str:
        there = {path.name for path in self._project.root.parent.glob("*")}
        return unused(f"{slug(self._project.document.title, 'project')}-export", there)

    def _show(self, *_: object) -> None:
        self._rows.setRowVisible(self._level_row, self.way.currentData() == "level")
        self.place.setText(str(self._parent_folder))
        self.place.setToolTip(str(self._parent_folder))
        self.dicom.setText(str(self._dicom) if self._dicom else "none")
        self.dicom.setToolTip(self.dicom.text())
        self.export_.setEnabled(bool(self.name.text().strip()))

    def _ask_folder(self, *_: object) -> None:
        name = QFileDialog.getExistingDirectory(
            self, "Export into a new folder in this one", str(self._parent_folder)
        )
        if name:
            self.use_folder(Path(name))

    def _ask_dicom(self, *_: object) -> None:
        name = QFileDialog.getExistingDirectory(self, "The cases’ DICOM series")
        self.use_dicom(Path(name) if name else None)

    def _tell(self, done: Exported) -> None:
        written = f"{count(done.reads, 'read')} of {count(len(done.cases), 'case')} saved in {done.folder}."
        self.message.say("\n".join([written, *done.warnings]))

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))

    def _end(self) -> None:
        self.bar.hide()
        self._show()


def _export(project: Project, wish: Wish, given_up: Flag) -> Iterator[Exported]:
    yield export(
        project, wish.folder, way=wish.way, level=wish.level, anonymous=wish.anonymous, dicom=wish.dicom
    )
