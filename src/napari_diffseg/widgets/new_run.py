"""A new run: data, method, settings, start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag

from napari.components import ViewerModel
from pydantic import ValidationError
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QLineEdit, QPushButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.errors import DiffSegError, SettingsError, TrainingError
from napari_diffseg.io.naming import slug, unused
from napari_diffseg.methods.registry import MethodEntry, methods
from napari_diffseg.training.config import RunConfig
from napari_diffseg.training.folder import make_run, runs_in
from napari_diffseg.training.presets import new_run
from napari_diffseg.widgets.checking import Estimate, check
from napari_diffseg.widgets.column import scrolling
from napari_diffseg.widgets.config_form import ConfigForm
from napari_diffseg.widgets.dataset import DatasetChooser
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.plain_label import PlainLabel, heading
from napari_diffseg.widgets.prospect import cost, parts, split_of
from napari_diffseg.widgets.rows import Rows, row_of, tab_after
from napari_diffseg.widgets.wording import place

_FIRST_METHOD, _FIRST_PRESET = "imgx", "small"
_LOADED_AFTER_MS = 500


class NewRun(QWidget):
    """Choose data and method, look at the settings, check, start.

    Args:
        viewer: whose layers may become a data set.
        folder: that runs are made in.

    Signals:
        made: a run's folder, to be started.
        moved: another folder that runs are made in.
    """

    made = Signal(object)
    moved = Signal(object)

    def __init__(self, viewer: ViewerModel, folder: Path) -> None:
        super().__init__()
        self.runs_folder = folder
        self.data = DatasetChooser(viewer)
        self.method, self.preset, self.name = QComboBox(), QComboBox(), QLineEdit()
        self.about = PlainLabel()
        self.form: ConfigForm | None = None
        self._form_of: Dataset | None = None
        self._holder = QWidget()
        self.place, self.change = QElidingLabel(), QPushButton("Change…")
        self.check, self.start = QPushButton("Check time and memory"), QPushButton("Start training")
        self.expected, self.obstacle = PlainLabel(), PlainLabel()
        self._checking: Errand | None = None
        self._loaded = False
        self._proposed = ""
        self._lay_out()
        self._connect()
        self._show_folder()
        self._choose_method()
        QTimer.singleShot(_LOADED_AFTER_MS, self._load)

    def settings(self) -> RunConfig:
        """The run as it is chosen.

        Raises:
            DiffSegError: something is missing, out of range, or taken already.
        """
        dataset = self.data.chosen()
        if self.form is None:
            raise SettingsError("Loading the methods…")
        name = self.name.text().strip()
        if not name:
            raise SettingsError("Give the run a name.")
        if self._run_folder(name).exists():
            raise SettingsError(f"There is a run “{slug(name, 'run')}” already. Choose another name.")
        return self.form.settings(name, dataset.root, skip_bad=self.data.leave_out.isChecked())

    def use_folder(self, folder: Path) -> None:
        """Make runs in another folder from now on."""
        self.runs_folder = folder
        self._show_folder()
        self._propose_name()
        self.moved.emit(folder)

    def press_start(self, *_: object) -> None:
        """Make the run's folder and let it be started."""
        if not self.start.isEnabled():
            return
        try:
            config = self.settings()
            folder = self._run_folder(config.name)
            make_run(folder, config)
        except DiffSegError as error:
            self._refuse(str(error))
            return
        self.made.emit(folder)
        self._propose_name()

    def _lay_out(self) -> None:
        for entry in methods().values():
            self.method.addItem(entry.title, entry.name)
            self.method.setItemData(self.method.count() - 1, entry.about, Qt.ItemDataRole.ToolTipRole)
        self.method.setCurrentIndex(max(0, self.method.findData(_FIRST_METHOD)))
        self.preset.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.preset.setToolTip("A set of settings: those of the paper, or small ones for a first try.")
        self.name.setToolTip("Of the run, its folder, and its checkpoints.")
        self.check.setToolTip("Time a few steps in a process of their own, and measure the memory they take.")
        self.start.setToolTip("Train in a process of its own, which goes on without napari (Ctrl+Return).")
        self.change.setToolTip("Keep runs in another folder.")
        self.place.setTextFormat(Qt.TextFormat.PlainText)
        self.place.setElideMode(Qt.TextElideMode.ElideMiddle)
        method, name, where = QWidget(), QWidget(), QWidget()
        Rows(method).add("Method", self.method, self.preset)
        Rows(name).add("Run name", self.name)
        Rows(where).add("Runs in", self.place, self.change)
        QVBoxLayout(self._holder).setContentsMargins(0, 0, 0, 0)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(
            scrolling(
                heading("Data"), self.data,
                method, self.about,
                heading("Settings"), name, self._holder,
                where, self.expected, self.obstacle, row_of(self.start, self.check),
            )
        )  # fmt: skip

    def _connect(self) -> None:
        self.data.opened.connect(self._take_data)
        self.data.changed.connect(self._review)
        self.method.currentIndexChanged.connect(self._choose_method)
        self.preset.currentIndexChanged.connect(self._rebuild)
        self.name.textEdited.connect(self._review)
        self.change.clicked.connect(self._ask_folder)
        self.check.clicked.connect(self._press_check)
        self.start.clicked.connect(self.press_start)

    def _load(self) -> None:
        """Import torch and the methods where the window does not wait for it."""
        errand = Errand(self, _load_methods)
        errand.ended.connect(self._note_loaded)
        errand.failed.connect(self._explain)
        errand.run()

    def _note_loaded(self) -> None:
        self._loaded = True
        self._choose_method()

    def _entry(self) -> MethodEntry:
        return methods()[self.method.currentData()]

    def _choose_method(self, *_: object) -> None:
        """List the method's presets; they are known once torch is there."""
        self.about.say(self._entry().sentence)
        self.preset.blockSignals(True)
        self.preset.clear()
        presets = list(self._entry().load().PRESETS) if self._loaded else []
        self.preset.addItems(presets or ["loading…"])
        self.preset.setEnabled(bool(presets))
        self.preset.setCurrentIndex(presets.index(_FIRST_PRESET) if _FIRST_PRESET in presets else 0)
        self.preset.blockSignals(False)
        self._rebuild()

    def _take_data(self) -> None:
        self._rebuild()

    def _rebuild(self, *_: object) -> None:
        """Another data set, method or preset: its settings as they are proposed."""
        self._give_up_check()
        if self.form is not None:
            self.form.hide()
            self.form.deleteLater()
            self.form = None
        dataset = self.data.dataset
        if dataset is not None and self._loaded:
            try:
                self.form = self._proposal(dataset)
            except DiffSegError as error:
                self._propose_name()
                self._refuse(str(error))
                return
            self.form.changed.connect(self._change)
            holder = self._holder.layout()
            assert holder is not None
            holder.addWidget(self.form)
            tab_after(self.form, self.change, self.start, self.check)
        self._propose_name()

    def _proposal(self, dataset: Dataset) -> ConfigForm:
        run = new_run(
            "run", method_name=self._entry().name, preset=self.preset.currentText(), dataset=dataset
        )
        try:
            return ConfigForm(run, self._entry().load().Config.model_validate(run.config))
        except ValidationError as error:
            raise TrainingError(
                f"{self._entry().title} ({self.preset.currentText()}) does not take {dataset.dimensions}D "
                f"data: {error.errors()[0]['msg']}. Choose another preset."
            ) from error

    def _propose_name(self) -> None:
        """A name that no run has, unless the person gave one."""
        if self.name.text().strip() not in ("", self._proposed):
            self._review()
            return
        dataset = self.data.dataset
        taken = {run.name for run in runs_in(self.runs_folder)}
        name = f"{dataset.root.stem}-{self._entry().name}" if dataset else ""
        self._proposed = unused(slug(name, "run"), taken) if name else ""
        self.name.setText(self._proposed)
        self._review()

    def _run_folder(self, name: str) -> Path:
        return self.runs_folder / slug(name, "run")

    def _change(self, *_: object) -> None:
        self._give_up_check()
        self._review()

    def _review(self, *_: object) -> None:
        """Look at the choices again: what stands in the way, or how the cases will be parted."""
        try:
            config, dataset = self.settings(), self.data.chosen()
            split = split_of(config, dataset)
        except DiffSegError as error:
            self._refuse(str(error))
            return
        if self._checking is None:
            self.expected.say(parts(split))
        if self.form is not None:
            self.form.cost.say(cost(config, split))
        self._refuse("")

    def _refuse(self, reason: str) -> None:
        self.obstacle.say(reason)
        if reason and self._checking is None:
            self.expected.say("")
        for button in (self.start, self.check):
            button.setEnabled(not reason)

    def _press_check(self, *_: object) -> None:
        if self._checking is not None:
            self._give_up_check()
            self._review()
            return
        try:
            config = self.settings()
        except DiffSegError as error:
            self._refuse(str(error))
            return
        self.check.setText("Stop checking")
        self.expected.say("Preparing a case and timing a few steps…")
        self._checking = Errand(self, check, config)
        self._checking.told.connect(self._tell_estimate)
        self._checking.failed.connect(self._explain_check)
        self._checking.ended.connect(self._end_check)
        self._checking.run()

    def _give_up_check(self) -> None:
        if self._checking is not None:
            self._checking.give_up()
            self._end_check()

    def _end_check(self) -> None:
        self._checking = None
        self.check.setText("Check time and memory")

    def _tell_estimate(self, found: Estimate) -> None:
        assert self.form is not None
        steps = self.form.run.groups["train"].rows["steps"].value
        self.expected.say(found.sentence(int(steps)))

    def _explain_check(self, error: DiffSegError) -> None:
        self.expected.say(str(error))

    def _explain(self, error: DiffSegError) -> None:
        self.obstacle.say(str(error))

    def _show_folder(self) -> None:
        self.place.setText(place(self.runs_folder))
        self.place.setToolTip(str(self.runs_folder))

    def _ask_folder(self, *_: object) -> None:
        name = QFileDialog.getExistingDirectory(self, "Keep runs in this folder")
        if name:
            self.use_folder(Path(name))


def _load_methods(given_up: Flag) -> Iterator[str]:
    for name, entry in methods().items():
        if given_up.is_set():
            return
        entry.load()
        yield name
