"""The runs of a folder: a table of all of them, and one in full."""

from __future__ import annotations

from pathlib import Path

from napari.components import ViewerModel
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.training.control import Request, ask
from napari_diffseg.widgets.column import scrolling
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.training.adopt import adopt, choose_in_segment
from napari_diffseg.widgets.training.following import GOING_ON, Seen, Standing
from napari_diffseg.widgets.training.launched import Launched
from napari_diffseg.widgets.training.run_table import RunTable
from napari_diffseg.widgets.training.run_view import RunView
from napari_diffseg.widgets.training.run_wording import ASKED
from napari_diffseg.widgets.training.watch import Look, Watch


class Runs(QWidget):
    """Lists runs, follows the chosen one, and passes on what the person asks of it.

    Args:
        viewer: gets the preview's layers.
        folder: that holds the runs' folders.
    """

    def __init__(self, viewer: ViewerModel, folder: Path) -> None:
        super().__init__()
        self._viewer = viewer
        self._looked = False
        self._state: Standing | None = None
        self.nothing = PlainLabel()
        self.table, self.view, self.message = RunTable(), RunView(viewer), PlainLabel()
        self.watch = Watch(folder, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        parts = (self.nothing, self.table, self.view, self.message)
        layout.addWidget(scrolling(*parts, growing=self.view))
        self.table.chosen.connect(self._choose)
        self.view.asked.connect(self._ask)
        self.view.started.connect(self._start_again)
        self.view.used.connect(self._use)
        self.watch.looked.connect(self._show)
        self.watch.failed.connect(self._explain)
        QTimer.singleShot(0, self.watch.look)

    def begin(self, run: Path) -> None:
        """Start a run's process and follow it.

        Raises:
            TrainingError: it goes on already, or is none.
        """
        Launched.of(self).launch(run)
        self._follow(run)

    def use_folder(self, folder: Path) -> None:
        """List the runs of another folder."""
        self.view.clear()
        self.watch.move(folder)

    def close_down(self) -> None:
        """Look no more; runs go on."""
        self.watch.close()

    def _follow(self, run: Path | None) -> None:
        self._state = None
        self.message.say("")
        self.view.clear()
        self.watch.choose(run)

    def _choose(self, run: Path | None) -> None:
        if run != self.watch.chosen:
            self._follow(run)

    def _show(self, found: Look) -> None:
        starting = Launched.of(self).starting()
        self.table.show_runs(found.runs, starting)
        self.table.setVisible(bool(found.runs))
        self.nothing.say("" if found.runs else f"There are no runs in {self.watch.folder} yet.")
        if not self._looked:
            self._looked = True
            self._take_up(found.runs)
        elif found.chosen is not None:
            self._show_chosen(found, found.chosen, starting=found.chosen.summary.folder in starting)
        if found.unreadable:
            self.message.say("\n".join(found.unreadable))

    def _take_up(self, runs: tuple[Seen, ...]) -> None:
        """The dock has just been opened: follow the newest run that goes on."""
        for run in runs:
            if self.watch.chosen is None and run.standing in GOING_ON:
                self._follow(run.summary.folder)

    def _show_chosen(self, found: Look, run: Seen, *, starting: bool) -> None:
        if self.table.current() != run.summary.folder:
            self.table.choose(run.summary.folder)
        if run.standing != self._state:
            self._state = run.standing
            self.message.say("")
        self.view.show_run(run, starting=starting)
        self.view.show_log(found.log)
        if found.curves is not None:
            self.view.show_curves(found.curves)
        if found.preview is not None:
            self.view.show_preview(found.preview)

    def _ask(self, request: Request) -> None:
        if self.watch.chosen is None:
            return
        try:
            ask(self.watch.chosen, request)
        except OSError as error:
            self.message.say(f"The run's folder cannot be written to: {error.strerror}.")
        else:
            self.message.say(ASKED[request])
            self.watch.look()

    def _start_again(self) -> None:
        if self.watch.chosen is None:
            return
        try:
            Launched.of(self).launch(self.watch.chosen)
        except DiffSegError as error:
            self._explain(error)
        self.watch.look()

    def _use(self) -> None:
        run = self.view.run
        if run is None or run.checkpoint is None:
            return
        self.view.use.setEnabled(False)
        errand = Errand(self, adopt, run.checkpoint)
        errand.told.connect(self._take_checkpoint)
        errand.failed.connect(self._explain)
        errand.run()

    def _take_checkpoint(self, copy: Path) -> None:
        shown = choose_in_segment(self._viewer, copy)
        where = "It is chosen in Segment." if shown else "Choose it in the Segment dock."
        self.message.say(f"“{copy.stem}” is among your models now. {where}")

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))
