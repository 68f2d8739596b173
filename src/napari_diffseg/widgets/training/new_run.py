"""A new run: data, method, settings, start."""

from __future__ import annotations

from pathlib import Path

from napari.components import ViewerModel
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_diffseg.errors import DiffSegError, SettingsError
from napari_diffseg.io.naming import slug, unused
from napari_diffseg.training.config import RunConfig
from napari_diffseg.training.folder import make_run, runs_in
from napari_diffseg.widgets.column import scrolling
from napari_diffseg.widgets.plain_label import PlainLabel, heading
from napari_diffseg.widgets.rows import Rows, row_of, tab_after
from napari_diffseg.widgets.training.check_button import CheckButton
from napari_diffseg.widgets.training.config_form import ConfigForm
from napari_diffseg.widgets.training.dataset import DatasetChooser
from napari_diffseg.widgets.training.method_choice import MethodChoice
from napari_diffseg.widgets.training.prospect import cost, parts, split_of
from napari_diffseg.widgets.training.runs_place import RunsPlace


class NewRun(QWidget):
    """Choose data and method, look at the settings, check, start.

    Args:
        viewer: whose layers may become a data set.
        folder: that runs are made in.

    Attributes:
        form: of the settings; None until there are data and a method that takes them.
        expected: how the cases will be parted, or what the run will take.
        obstacle: what stands in the way of a start.

    Signals:
        made: a run's folder, to be started.
        moved: another folder that runs are made in.
    """

    made = Signal(object)
    moved = Signal(object)

    def __init__(self, viewer: ViewerModel, folder: Path) -> None:
        super().__init__()
        self.data, self.choice, self.place = DatasetChooser(viewer), MethodChoice(), RunsPlace(folder)
        self.name = QLineEdit()
        self.form: ConfigForm | None = None
        self._holder = QWidget()
        self.check, self.start = CheckButton(), QPushButton("Start training")
        self.expected, self.obstacle = PlainLabel(), PlainLabel()
        self._proposed = ""
        self._lay_out()
        self._connect()
        self._rebuild()

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
        self.name.setToolTip("Of the run, its folder, and its checkpoints.")
        self.start.setToolTip("Train in a process of its own, which goes on without napari (Ctrl+Return).")
        name = QWidget()
        Rows(name).add("Run name", self.name)
        QVBoxLayout(self._holder).setContentsMargins(0, 0, 0, 0)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(
            scrolling(
                heading("Data"), self.data, self.choice,
                heading("Settings"), name, self._holder, self.place,
                self.expected, self.obstacle, row_of(self.start, self.check),
            )
        )  # fmt: skip

    def _connect(self) -> None:
        self.data.opened.connect(self._rebuild)
        self.data.changed.connect(self._review)
        self.choice.changed.connect(self._rebuild)
        self.choice.failed.connect(self._explain)
        self.place.moved.connect(self._move)
        self.name.textEdited.connect(self._review)
        self.check.said.connect(self.expected.say)
        self.check.clicked.connect(self._press_check)
        self.start.clicked.connect(self.press_start)

    def _rebuild(self) -> None:
        """Another data set, method or preset: its settings as they are proposed."""
        self.check.give_up()
        if self.form is not None:
            self.form.hide()
            self.form.deleteLater()
            self.form = None
        dataset = self.data.dataset
        try:
            self.form = self.choice.proposal(dataset) if dataset is not None else None
        except DiffSegError as error:
            self._propose_name()
            self._refuse(str(error))
            return
        if self.form is not None:
            self.form.changed.connect(self._change)
            holder = self._holder.layout()
            assert holder is not None
            holder.addWidget(self.form)
            tab_after(self.form, self.place.change, self.start, self.check)
        self._propose_name()

    def _propose_name(self) -> None:
        """A name that no run has, unless the person gave one."""
        dataset = self.data.dataset
        if self.name.text().strip() in ("", self._proposed):
            taken = {run.name for run in runs_in(self.place.folder)}
            name = f"{dataset.root.stem}-{self.choice.entry.name}" if dataset else ""
            self._proposed = unused(slug(name, "run"), taken) if name else ""
            self.name.setText(self._proposed)
        self._review()

    def _run_folder(self, name: str) -> Path:
        return self.place.folder / slug(name, "run")

    def _change(self) -> None:
        self.check.give_up()
        self._review()

    def _review(self, *_: object) -> None:
        """Look at the choices again: what stands in the way, or how the cases will be parted."""
        try:
            config, dataset = self.settings(), self.data.chosen()
            split = split_of(config, dataset)
        except DiffSegError as error:
            self._refuse(str(error))
            return
        if not self.check.is_checking:
            self.expected.say(parts(split))
        if self.form is not None:
            self.form.cost.say(cost(config, split))
        self._refuse("")

    def _refuse(self, reason: str) -> None:
        self.obstacle.say(reason)
        if reason and not self.check.is_checking:
            self.expected.say("")
        for button in (self.start, self.check):
            button.setEnabled(not reason)

    def _press_check(self, *_: object) -> None:
        if self.check.is_checking:
            self._change()
            return
        try:
            self.check.begin(self.settings())
        except DiffSegError as error:
            self._refuse(str(error))

    def _move(self, folder: Path) -> None:
        self._propose_name()
        self.moved.emit(folder)

    def _explain(self, error: DiffSegError) -> None:
        self.obstacle.say(str(error))
