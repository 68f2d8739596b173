"""Which data set: opened and looked through before anything is trained on it."""

from __future__ import annotations

from pathlib import Path

from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QFileDialog, QProgressBar, QPushButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.inspection import Inspection
from napari_diffseg.errors import DatasetError, DiffSegError
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rows import equal
from napari_diffseg.widgets.section import Section
from napari_diffseg.widgets.training.dataset_wording import problems, summary
from napari_diffseg.widgets.training.examining import Progress, examine
from napari_diffseg.widgets.training.from_layers import FromLayers
from napari_diffseg.widgets.training.picture import Picture
from napari_diffseg.widgets.training.pictures import Pictures
from napari_diffseg.widgets.wording import count, place

_NOTHING = "Choose a folder of scans and masks (HDF5: a file), or take layers of this viewer."


class DatasetChooser(QWidget):
    """Opens a folder, a file or the viewer's layers; shows what is there and what is wrong with it.

    Args:
        viewer: whose layers may become a data set.

    Attributes:
        dataset: that is open; None before, and while another one is being opened.

    Signals:
        opened: another data set is open, or none.
        changed: more is known of it, or the person agreed to leave bad cases out.
    """

    opened = Signal()
    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.dataset: Dataset | None = None
        self._inspection: Inspection | None = None
        self._errand: Errand | None = None
        self.folder, self.file, self.layers = (
            QPushButton("Folder…"), QPushButton("File…"), QPushButton("From layers…")
        )  # fmt: skip
        self.place = QElidingLabel()
        self.summary, self.problem = PlainLabel(_NOTHING), PlainLabel()
        self.pictures = Pictures()
        self.bar = QProgressBar()
        self.bar.setFormat("%v of %m cases read")
        self.wrong = PlainLabel()
        self.details = Section("Details", self.wrong)
        self.leave_out = QCheckBox("Leave out bad cases")
        self._lay_out()
        self._connect()
        self.colour()

    def open(self, path: Path) -> None:
        """Open a folder or a file, and look through it."""
        if self._errand is not None:
            self._errand.give_up()
        self.dataset, self._inspection = None, None
        self.place.setText(place(path))
        self.place.setToolTip(str(path))
        self.place.show()
        self.summary.say("Opening…")
        self.problem.say("")
        self.pictures.hide()
        self.leave_out.setChecked(False)
        self._show_problems()
        self.bar.setRange(0, 0)
        self.bar.show()
        self.opened.emit()
        self._errand = Errand(self, examine, path)
        self._errand.told.connect(self._take)
        self._errand.failed.connect(self._fail)
        self._errand.ended.connect(self._end)
        self._errand.run()

    def chosen(self) -> Dataset:
        """The open data set.

        Raises:
            DatasetError: there is none, or it has bad cases that the person did not agree to leave out.
        """
        if self.dataset is None:
            raise DatasetError("Choose a data set first.")
        bad = self._bad()
        if bad >= {case.name for case in self.dataset.cases}:
            raise DatasetError("All cases are bad. Repair some of them, or choose another data set.")
        if bad and not self.leave_out.isChecked():
            raise DatasetError(f"{count(len(bad), 'case')} cannot be used. Repair or agree to leave out.")
        return self.dataset

    def colour(self) -> None:
        """Take the colours of the viewer's theme."""
        style = f"color: {get_theme(self._viewer.theme).warning.as_hex()};"
        for widget in (self.problem, self.leave_out):
            widget.setStyleSheet(style)

    def _lay_out(self) -> None:
        self.folder.setToolTip("A folder of scans and masks; its layout is found out.")
        self.file.setToolTip("A file that holds a whole data set, such as LIDC as HDF5.")
        self.layers.setToolTip("Save image and labels layers of this viewer as a data set.")
        self.leave_out.setToolTip("Train on the others; without this a bad case stops the run.")
        self.place.setTextFormat(Qt.TextFormat.PlainText)
        self.place.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.bar.setMaximumHeight(16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (
            equal(self.folder, self.file, self.layers),
            self.place,
            self.summary,
            self.problem,
            self.pictures,
            self.bar,
            self.leave_out,
            self.details,
        ):
            layout.addWidget(widget)
        for widget in (self.place, self.bar, self.leave_out, self.details):
            widget.hide()

    def _connect(self) -> None:
        self.folder.clicked.connect(self._choose_folder)
        self.file.clicked.connect(self._choose_file)
        self.layers.clicked.connect(self._take_layers)
        self.leave_out.toggled.connect(self._tell)

    def _choose_folder(self, *_: object) -> None:
        name = QFileDialog.getExistingDirectory(self, "Choose a folder of scans and masks")
        if name:
            self.open(Path(name))

    def _choose_file(self, *_: object) -> None:
        name, _kind = QFileDialog.getOpenFileName(self, "Choose a file that holds a data set")
        if name:
            self.open(Path(name))

    def _take_layers(self, *_: object) -> None:
        dialog = FromLayers(self._viewer, self)
        dialog.saved.connect(self.open)
        dialog.open()

    def _take(self, found: Dataset | Picture | Progress) -> None:
        match found:
            case Dataset():
                self.dataset = found
                self.summary.say(summary(found, None))
                self.bar.setRange(0, len(found.cases))
                self.pictures.begin(found.classes)
                self.opened.emit()
            case Picture():
                self.pictures.add(found)
            case Progress(inspection=inspection, done=done):
                self._inspection = inspection
                self.summary.say(summary(inspection.dataset, inspection))
                self.bar.setValue(len(inspection.facts))
                self.bar.setVisible(not done)
                self._show_problems()
                self.changed.emit()

    def _fail(self, error: DiffSegError) -> None:
        sentence, _, more = str(error).partition("\n")
        self.summary.say("")
        self.problem.say(sentence)
        self.wrong.say(more)
        self.details.setVisible(bool(more))
        self.place.hide()

    def _end(self) -> None:
        self._errand = None
        self.bar.hide()

    def _bad(self) -> set[str]:
        return {problem.case for problem in self._inspection.bad} if self._inspection else set()

    def _show_problems(self) -> None:
        bad = self._bad()
        self.leave_out.setText(f"Leave out {count(len(bad), 'bad case')}")
        self.wrong.say(problems(self._inspection.bad) if self._inspection else "")
        for widget in (self.leave_out, self.details):
            widget.setVisible(bool(bad))

    def _tell(self, *_: object) -> None:
        self.changed.emit()
