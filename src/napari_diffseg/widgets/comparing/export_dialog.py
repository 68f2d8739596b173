"""Asks what is to be exported of a project, and where to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event as Flag
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_diffseg.errors import CancelledError, DiffSegError
from napari_diffseg.io.naming import slug, unused
from napari_diffseg.raters.consensus import Way
from napari_diffseg.raters.export import Exported, Exporting, exporting
from napari_diffseg.raters.project import Project
from napari_diffseg.widgets.comparing.way_rows import WayRows
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.plain_label import PlainLabel, one_line
from napari_diffseg.widgets.rows import Rows, row_of
from napari_diffseg.widgets.wording import count

_ABOUT = (
    "For each case every reader’s mask and their consensus as NIfTI on the scan’s grid; ratings, agreement "
    "and lesions as CSV. To train on the reads no export is needed: open the project’s folder in Train."
)
_WAYS: tuple[Way, ...] = ("majority", "union", "intersection", "level", "staple")


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
        self._errand: Errand | None = None  # while it exports
        self.anonymous = QCheckBox("Readers as numbers, others in every case")
        self.name, self.change = QLineEdit(self._proposed()), QPushButton("Change…")
        self.place, self.dicom, self.choose_dicom = one_line(), one_line(), QPushButton("Choose…")
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

    def begin(self) -> None:
        """Export."""
        self.message.say("")
        self.bar.setRange(0, 0)
        self.bar.show()
        self._errand = Errand(self, _export, self._project, self._folder(), self._settings())
        self._errand.told.connect(self._tell)
        self._errand.failed.connect(self._explain)
        self._errand.ended.connect(self._end)
        self._errand.run()
        self._show()

    def cancel(self) -> None:
        """End the export after the case that is being written; nothing of it is left."""
        if self._errand is not None:
            self._errand.stop()
            self.message.say("Cancelling…")
            self.export_.setEnabled(False)

    def reject(self) -> None:
        """Called by Qt when the person closes the dialog; while it exports it stays."""
        if self._errand is None:
            super().reject()
        else:
            self.message.say("Still exporting. Wait, or cancel it first.")

    def _lay_out(self) -> None:
        self.anonymous.setToolTip("“reader 1” to “reader n” in the place of names.")
        self.choose_dicom.setToolTip(
            "The folder of the DICOM series that the cases were made from, for a DICOM segmentation of every "
            "read beside the NIfTI."
        )
        self.bar.setFormat("%v of %m cases")
        self.bar.hide()
        self._form = QWidget()
        rows = Rows(self._form)
        self.way = WayRows("Consensus", _WAYS, rows)
        rows.add("DICOM", self.dicom, self.choose_dicom)
        rows.add("New folder", self.name)
        rows.add("In", self.place, self.change)
        layout = QVBoxLayout(self)
        parts = (PlainLabel(_ABOUT), self._form, row_of(self.anonymous), self.bar, self.message, self.buttons)
        for part in parts:
            layout.addWidget(part)
        self.resize(460, 330)

    def _connect(self) -> None:
        self.name.textChanged.connect(self._show)
        self.change.clicked.connect(self._ask_folder)
        self.choose_dicom.clicked.connect(self._ask_dicom)
        self.export_.clicked.connect(self._press)
        self.buttons.rejected.connect(self.reject)

    def _proposed(self) -> str:
        there = {path.name for path in self._project.root.parent.glob("*")}
        return unused(f"{slug(self._project.document.title, 'project')}-export", there)

    def _folder(self) -> Path:
        """That is to be made."""
        return self._parent_folder / self.name.text().strip()

    def _settings(self) -> dict[str, Any]:
        """Of `export`, as the form has them."""
        return {
            "way": self.way.wanted,
            "level": self.way.level,
            "anonymous": self.anonymous.isChecked(),
            "dicom": self._dicom,
        }

    def _press(self, *_: object) -> None:
        if self._errand is None:
            self.begin()
        else:
            self.cancel()

    def _show(self, *_: object) -> None:
        self.place.setText(str(self._parent_folder))
        self.place.setToolTip(str(self._parent_folder))
        self.dicom.setText(str(self._dicom) if self._dicom else "none")
        self.dicom.setToolTip(self.dicom.text())
        for part in (self._form, self.anonymous):
            part.setEnabled(self._errand is None)
        self.export_.setText("Export" if self._errand is None else "Cancel")
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

    def _tell(self, told: Exporting | Exported) -> None:
        if isinstance(told, Exporting):
            self.bar.setRange(0, told.cases)
            self.bar.setValue(told.done)
            return
        written = f"{count(told.reads, 'read')} of {count(len(told.cases), 'case')} saved in {told.folder}."
        self.message.say("\n".join([written, *told.warnings]))

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))

    def _end(self) -> None:
        self._errand = None
        self.bar.hide()
        self._show()


def _export(
    project: Project, folder: Path, settings: dict[str, Any], given_up: Flag
) -> Iterator[Exporting | Exported]:
    with closing(exporting(project, folder, **settings)) as steps:
        for told in steps:
            if isinstance(told, Exporting) and given_up.is_set():
                raise CancelledError("Cancelled; nothing was written.")
            yield told
