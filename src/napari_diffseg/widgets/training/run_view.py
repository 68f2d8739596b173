"""One training run: how it stands, its curves and log, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Literal

from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_diffseg.layers import Preview, PreviewLayers
from napari_diffseg.training.comparison import Comparison
from napari_diffseg.training.status import ALIVE
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rows import equal, row_of
from napari_diffseg.widgets.training.comparison_view import ComparisonView
from napari_diffseg.widgets.training.curves import CurvesView
from napari_diffseg.widgets.training.event_wording import deciding
from napari_diffseg.widgets.training.following import GOING_ON, Curves, Seen, Standing
from napari_diffseg.widgets.training.run_wording import progress

_LOG_LINES, _LOG_MARGIN = 3, 1


class RunView(QWidget):
    """Shows a run and emits what the person wants of it; it asks nothing of the run itself.

    Args:
        viewer: gets the preview's layers.

    Attributes:
        run: that is shown.

    Signals:
        asked: a request to the run's process: "pause", "resume", "stop" or "finish-epoch".
        started: the run's process is to be started again.
        used: the run's checkpoint is to be segmented with.
    """

    asked = Signal(str)
    started = Signal()
    used = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.run: Seen | None = None
        self._preview: Preview | None = None
        self.layers = PreviewLayers(viewer)
        self.state, self.warning = PlainLabel(), QElidingLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.curves, self.comparison = CurvesView(), ComparisonView()
        self.preview, self.shown_class = QCheckBox("Preview in viewer"), QComboBox()
        self.log = QPlainTextEdit()
        self.pause, self.stop = QPushButton("Pause"), QPushButton("Stop")
        self.finish_epoch, self.use = QPushButton("Stop after epoch"), QPushButton("Use in Segment")
        self._explain()
        self._lay_out()
        self._connect()
        self.clear()

    def clear(self) -> None:
        """No run is shown."""
        self.run = self._preview = None
        self.layers.clear()
        self.curves.clear()
        self.shown_class.hide()
        self.hide()

    def show_run(self, run: Seen, *, starting: bool) -> None:
        """Show how a run stands now.

        Args:
            run: the same as before, or another one after `clear`.
            starting: its process was started and has not spoken yet.
        """
        self.run = run
        state = "starting" if starting else run.standing
        self.state.say(progress(run, starting=starting))
        self._warn(run.warned)
        self._show_bar(run.part, state)
        self.curves.show_validations(run.validated, deciding(run.validated[-1])[0] if run.validated else "")
        self.pause.setText("Pause" if state in ("running", "preparing") else "Resume")
        self.pause.setEnabled(state not in ("finished", "starting", "comparing"))
        self.stop.setEnabled(state in GOING_ON)
        self.finish_epoch.setEnabled(state == "running")
        self.use.setEnabled(run.checkpoint is not None)
        self._show_comparison(run.comparison if state == "finished" else None)
        self.show()

    def show_curves(self, curves: Curves) -> None:
        """Draw the run's numbers anew."""
        self.curves.show_steps(curves)

    def show_log(self, text: str) -> None:
        """Show the log's end; it stays where the person scrolled to."""
        if text == self.log.toPlainText():
            return
        bar = self.log.verticalScrollBar()
        assert bar is not None
        at_end, place = bar.value() >= bar.maximum() - 1, bar.value()
        self.log.setPlainText(text)
        bar.setValue(bar.maximum() if at_end else place)

    def show_preview(self, preview: Preview) -> None:
        """Show what the newest validated weights see, as layers where the person wants them."""
        self._preview = preview
        names = [info.name for info in preview.classes]
        if names != [self.shown_class.itemText(place) for place in range(self.shown_class.count())]:
            self.shown_class.blockSignals(True)
            self.shown_class.clear()
            self.shown_class.addItems(names)
            self.shown_class.blockSignals(False)
        self._show_layers()

    def colour(self) -> None:
        """Take the colours of the viewer's theme."""
        self.curves.colour(self._viewer.theme)
        self.warning.setStyleSheet(f"color: {get_theme(self._viewer.theme).warning.as_hex()};")

    def _show_bar(self, part: Seen, state: Standing | Literal["starting"] | None) -> None:
        """How much is done of the cases to prepare or of the steps; moving where that is not known."""
        status, prepared = part.summary.status, part.prepared
        if state == "preparing" and prepared is not None:
            self.bar.setRange(0, prepared.cases)
            self.bar.setValue(prepared.done)
            return
        busy = state in ("starting", "preparing", "comparing")
        self.bar.setRange(0, 0 if busy else part.summary.config.train.steps)
        self.bar.setValue(status.step if status else 0)

    def _show_comparison(self, found: Comparison | None) -> None:
        """In the place of the log, since both are too tall for a small screen."""
        self.comparison.show_comparison(found)
        self.log.setVisible(found is None)

    def _warn(self, sentences: Sequence[str]) -> None:
        """Show the newest warning in one line; the tooltip has them all."""
        self.warning.setText(sentences[-1] if sentences else "")
        self.warning.setToolTip("\n".join(map(escape, sentences)))
        self.warning.setVisible(bool(sentences))

    def _explain(self) -> None:
        self.warning.setTextFormat(Qt.TextFormat.PlainText)
        self.preview.setChecked(True)
        self.preview.setToolTip("Image, truth, mean and variance of one validation case, at each validation.")
        self.shown_class.setToolTip("The class whose mean and variance the preview shows.")
        self.pause.setToolTip("Keep the process and wait, or go on; a run that ended goes on where it was.")
        self.stop.setToolTip("Save and end after the step that is being computed. It can be resumed.")
        self.finish_epoch.setToolTip("Save and end when every case has been seen as often.")
        self.use.setToolTip("Put the best checkpoint so far among the models, and choose it in Segment.")
        self.log.setToolTip("The end of the log.")
        self.log.setReadOnly(True)
        document = self.log.document()
        assert document is not None
        document.setDocumentMargin(_LOG_MARGIN)  # with more, a sliver of the line above them shows
        around = 2 * (_LOG_MARGIN + self.log.frameWidth() + 1)  # with less, Qt counts one line less
        self.log.setFixedHeight(_LOG_LINES * self.log.fontMetrics().lineSpacing() + around)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        parts: tuple[QWidget, ...] = (
            self.state,
            self.bar,
            self.warning,
            self.comparison,
            self.curves,
            row_of(self.preview, self.shown_class),
            self.log,
            equal(self.pause, self.finish_epoch, self.stop),
            self.use,
        )
        for part in parts:
            layout.addWidget(part, int(part is self.curves))

    def _connect(self) -> None:
        self.pause.clicked.connect(self._pause_or_resume)
        self.stop.clicked.connect(self._stop)
        self.finish_epoch.clicked.connect(self._finish_epoch)
        self.use.clicked.connect(self._use)
        self.preview.toggled.connect(self._show_layers)
        self.shown_class.currentIndexChanged.connect(self._choose_class)

    def _pause_or_resume(self, *_: object) -> None:
        state = self.run.standing if self.run else None
        if state not in ALIVE:
            self.started.emit()
        else:
            self.asked.emit("resume" if state == "paused" else "pause")

    def _stop(self, *_: object) -> None:
        self.asked.emit("stop")

    def _finish_epoch(self, *_: object) -> None:
        self.asked.emit("finish-epoch")

    def _use(self, *_: object) -> None:
        self.used.emit()

    def _show_layers(self, *_: object) -> None:
        wanted = self.preview.isChecked() and self._preview is not None
        self.shown_class.setVisible(wanted and self.shown_class.count() > 1)
        if self._preview is not None and wanted:
            self.layers.show(self._preview)
        else:
            self.layers.clear()

    def _choose_class(self, index: int) -> None:
        self.layers.choose_class(index)
