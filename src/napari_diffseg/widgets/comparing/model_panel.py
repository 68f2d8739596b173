"""A model against the readers: which model, how many samples, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.inference.settings import settings_lacking
from napari_diffseg.raters.against_model import ModelAgainstRaters
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.verdict import verdict
from napari_diffseg.widgets.comparing import model_wording as words
from napari_diffseg.widgets.comparing.comparing import CaseComparison
from napari_diffseg.widgets.comparing.model_trial import ModelTrial, Tried, request_for
from napari_diffseg.widgets.model import ModelChooser
from napari_diffseg.widgets.options_form import OptionsForm
from napari_diffseg.widgets.plain_label import PlainLabel, heading
from napari_diffseg.widgets.preferences import preferred_folders, preferred_options
from napari_diffseg.widgets.progress import RunProgress
from napari_diffseg.widgets.rows import column_in
from napari_diffseg.widgets.sheet import Sheet

_SETTINGS = ("members", "steps", "seed")


class ModelPanel(QWidget):
    """Runs a model on the case that is compared, or on all of them.

    Args:
        project: of the cases.

    Attributes:
        found: by case, of the model and settings as they are chosen.

    Signals:
        drawn: the Result of the case that is compared, to be shown in the viewer.
    """

    drawn = Signal(object)

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project
        self._comparison: CaseComparison | None = None
        self._cases: tuple[str, ...] = ()
        self._by: str | None = None
        self._place = 0
        self.found: dict[str, tuple[ModelAgainstRaters, ...]] = {}
        self.model, self.form = ModelChooser(preferred_folders()), OptionsForm(preferred_options())
        self.start, self.progress = QPushButton("Compare with the readers"), RunProgress()
        self.note, self.message, self.chosen = PlainLabel(), PlainLabel(), PlainLabel()
        self.verdict, self.sentence, self.interval = heading(""), PlainLabel(), PlainLabel()
        self.measures = Sheet(("Measure", "Mean", "95 % interval"), most_rows=5)
        self.volumes = Sheet(("Reader", "Volume", "Inside"), most_rows=4)
        self.trial = ModelTrial(project, self)
        self.again = QPushButton("Another model, other settings…")
        self._setup, self._results = QWidget(), QWidget()
        self._lay_out()
        self._connect()
        self._take_model()

    def take(self, cases: Sequence[str], by: str | None, comparison: CaseComparison | None = None) -> None:
        """Other cases are compared; they are looked at as they are when the model is run.

        Args:
            cases: their names; none for none.
            by: who looks; None for the project's owner.
            comparison: of the only one.
        """
        self.trial.cancel()
        if by != self._by:
            self.found.clear()
        self._cases, self._by, self._comparison = tuple(cases), by, comparison
        self._review()
        self._show()

    def take_project(self, project: Project) -> None:
        """The project's folders are trusted now."""
        self._project = self.trial.project = project

    def choose_class(self, place: int) -> None:
        """Show another structure."""
        self._place = place
        self._show()

    def close_down(self) -> None:
        """Leave no thread."""
        self.trial.close()

    def _lay_out(self) -> None:
        self.start.setToolTip("Draw an ensemble in the box around the reads, and hold it against them.")
        self.again.setToolTip("What was found stays on screen until something is changed.")
        column_in(self._setup, self.model, self.form.panel(_SETTINGS), self.note, spacing=6)
        told = self.chosen, self.verdict, self.sentence
        column_in(self._results, *told, self.measures, self.interval, self.volumes, spacing=6)
        parts = self._setup, self.start, self.progress, self.message, self._results, self.again
        column_in(self, *parts, spacing=6).setContentsMargins(0, 6, 0, 0)

    def _connect(self) -> None:
        self.model.changed.connect(self._take_model)
        self.form.changed.connect(self._forget)
        self.start.clicked.connect(self._press)
        self.again.clicked.connect(self._forget)
        self.trial.begun.connect(self._begin_case)
        self.trial.told.connect(self.progress.show_event)
        self.trial.tried.connect(self._take)
        self.trial.failed.connect(self._explain)
        self.trial.ended.connect(self._end)

    def _take_model(self) -> None:
        with suppress(DiffSegError):  # _review says why
            _, document = self.model.chosen()
            self.form.hide(settings_lacking(document, self.form.rows["sampler"].value))
        self._forget()

    def _forget(self, *_: object) -> None:
        """Another model or other settings: what was found is of others."""
        self.found.clear()
        self._review()
        self._show()

    def _review(self) -> None:
        """Say what stands in the way, and what to know before."""
        self.note.say("")
        reason = ""
        try:
            path, document = self.model.chosen()
            notes = [words.class_note(document, self._project.document.labels)]
            if self._comparison is not None:
                scan, reads = self._comparison.scan, self._comparison.counted
                notes += request_for(scan, reads, path, document, self.form.options()).warnings()
            self.note.say(" ".join(filter(None, notes)))
        except DiffSegError as error:
            reason = str(error)
        self.message.say(reason)
        self.start.setEnabled(bool(self._cases) and not reason)
        several = len(self._cases) > 1
        self.start.setText(f"Compare on {len(self._cases)} cases" if several else "Compare with the readers")

    def _press(self, *_: object) -> None:
        if self.trial.is_running:
            self.start.setText("Cancelling…")
            self.start.setEnabled(False)
            self.trial.cancel()
            return
        try:
            path, document = self.model.chosen()
            options = self.form.options()
        except DiffSegError as error:
            self._explain(error)
            return
        left = [case for case in self._cases if case not in self.found] or list(self._cases)
        self.message.say("")
        self.start.setText("Cancel")
        self._setup.setEnabled(False)
        self.trial.run(left, self._by, path, document, options)

    def _begin_case(self, case: str) -> None:
        self.progress.begin()
        self.progress.say(f"{case}: preparing…")

    def _take(self, tried: Tried) -> None:
        case = tried.rows[0].case
        self.found[case] = tried.rows
        self.chosen.say(words.made_by(tried.result))
        if self._cases == (case,):
            self.drawn.emit(tried.result)
        self._show()

    def _show(self) -> None:
        chosen = [self.found[case] for case in self._cases if case in self.found]
        rows = [found[self._place] for found in chosen if self._place < len(found)]
        self._results.setVisible(bool(rows))
        self._setup.setHidden(bool(rows))
        done = bool(rows) and len(chosen) == len(self._cases)
        self.start.setVisible(self.trial.is_running or not done)
        self.again.setVisible(bool(rows) and not self.trial.is_running)
        if not rows:
            return
        judged = verdict(rows)
        self.verdict.say(words.headline(judged, len(rows)))
        self.sentence.say(judged.sentence)
        self.measures.show_rows(list(words.measures(judged)))
        self.interval.say(words.ensemble_interval(rows))
        self.volumes.show_rows(list(words.volumes(rows, judged, self._project.document.raters)))

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))

    def _end(self) -> None:
        self.progress.hide()
        self._setup.setEnabled(True)
        said = self.message.text()
        self._review()
        self._show()
        self.message.say(self.message.text() or said)
