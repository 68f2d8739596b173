"""The Segment dock: choose, press Segment, watch mean and variance sharpen."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QPushButton, QShortcut, QVBoxLayout, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.inference.settings import settings_lacking
from napari_diffseg.layers import (
    RegionOutline,
    ResultLayers,
    grid_of,
    orientation_note,
    outline_of,
    qt_later,
    scan_of,
)
from napari_diffseg.results.events import Event, Finished, MemberDone, Stepped
from napari_diffseg.volume import Box, Scan
from napari_diffseg.widgets.column import scrolling
from napari_diffseg.widgets.dock import Dock
from napari_diffseg.widgets.engine import Engine
from napari_diffseg.widgets.job import Forecast, Job, Request
from napari_diffseg.widgets.model import ModelChooser
from napari_diffseg.widgets.options_form import OptionsForm
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.preferences import preferred_folders, preferred_options
from napari_diffseg.widgets.progress import RunProgress
from napari_diffseg.widgets.section import Section
from napari_diffseg.widgets.segment.channels import ChannelChooser
from napari_diffseg.widgets.segment.outcome import Outcome
from napari_diffseg.widgets.segment.region import RegionChooser
from napari_diffseg.widgets.wording import ending, expectation, too_large

_FIRST = ("members", "steps", "seed")
_BY_THE_VIEWER = ("start_slice",)
_LEAST_WIDTH, _WIDTH = 300, 344  # wide enough for a model's name


class SegmentWidget(Dock):
    """Choose image, model, region and settings; press Segment; save what comes out.

    Args:
        napari_viewer: whose layers are segmented, and which gets the results.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, least_width=_LEAST_WIDTH, width=_WIDTH)
        self._layers: ResultLayers | None = None
        self._outline, self._outlined = RegionOutline(napari_viewer), False
        self.channels = ChannelChooser(napari_viewer)
        self.model = ModelChooser(preferred_folders())
        self.region = RegionChooser(napari_viewer)
        self.form = OptionsForm(preferred_options())
        self.new_seed = QPushButton("New")
        others = [name for name in self.form.rows if name not in (*_FIRST, *_BY_THE_VIEWER)]
        self.advanced = Section("Advanced", self.form.panel(others))
        self.warning, self.obstacle, self.message = PlainLabel(), PlainLabel(), PlainLabel()
        self._ready = "Loading engine…"
        self.expected = PlainLabel(self._ready)
        self.start = QPushButton("Segment")
        self.progress, self.outcome = RunProgress(), Outcome()
        self.engine = Engine(self)
        self._lay_out()
        self._connect()
        self.colour()
        self._take_model()

    def reset_choices(self, event: object = None) -> None:
        """Called by napari when layers come, go or are renamed."""
        self.channels.reset_choices()
        self.region.reset_choices()

    def shut_down(self) -> None:
        """Stop the run and leave no thread; when the dock or the viewer closes, perhaps for both."""
        job = self.engine.close()
        self.outcome.close_down()
        self.region.disconnect()
        self._outline.hide()
        super().shut_down()
        if job is not None:
            self._keep(job)

    def colour(self, event: object = None) -> None:
        """Take the colours of the viewer's theme."""
        theme = get_theme(self._viewer.theme)
        self.warning.setStyleSheet(f"color: {theme.warning.as_hex()};")

    def _lay_out(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        parts = (
            self.channels,
            self.model,
            self.region,
            self.form.panel(_FIRST, beside={"seed": [self.new_seed]}),
            self.advanced,
            self.warning,
            self.expected,
            self.obstacle,
            self.start,
            self.progress,
            self.message,
            self.outcome,
        )
        outer.addWidget(scrolling(*parts))
        self.setMinimumWidth(_LEAST_WIDTH)

    def _connect(self) -> None:
        self.start.clicked.connect(self._press)
        self.start.setToolTip("Draw the members one after the other (Ctrl+Return); again to cancel (Esc).")
        self.new_seed.clicked.connect(self._draw_seed)
        self.new_seed.setToolTip("Another seed: other members.")
        self.channels.changed.connect(self._review)
        self.region.touched.connect(self._outline_region)
        self.region.changed.connect(self._review)
        self.form.changed.connect(self._take_settings)
        self.model.changed.connect(self._take_model)
        for signal, slot in (
            (self.engine.loaded, self._note_loaded),
            (self.engine.foreseen, self._foresee),
            (self.engine.refused, self._refuse),
            (self.engine.told, self._show_event),
            (self.engine.failed, self._fail),
            (self.engine.ended, self._end),
            (self.outcome.said, self.message.say),
            (self.outcome.failed, self._explain),
        ):
            signal.connect(slot)
        _on_keys("Ctrl+Return", self, Qt.ShortcutContext.WindowShortcut, self._press)
        _on_keys("Return", self.start, Qt.ShortcutContext.WidgetShortcut, self._press)
        _on_keys("Escape", self, Qt.ShortcutContext.WidgetWithChildrenShortcut, self._cancel)

    def _take_model(self) -> None:
        with suppress(DiffSegError):  # _review says why
            _, document = self.model.chosen()
            self.region.suggest(document.training)
            self.channels.set_channels([channel.name for channel in document.channels])
            self.region.offer_slice(document.slice_axis)
        self._take_settings()

    def _take_settings(self) -> None:
        """Show the settings that the model has; whether it has some depends on others."""
        with suppress(DiffSegError):
            _, document = self.model.chosen()
            self.form.hide(settings_lacking(document, self.form.rows["sampler"].value))
        self._review()

    def _draw_seed(self, *_: object) -> None:
        self.form.rows["seed"].value = random.getrandbits(32)

    def _request(self, scan: Scan) -> Request:
        layer = self.channels.layers()[0]
        box, first = self.region.box(layer), self.region.first_slice(layer)
        return Request(scan, *self.model.chosen(), self.form.options(box=box, start_slice=first))

    def _review(self) -> None:
        """Look at the choices again: what stands in the way, what to warn of, and what it would take."""
        if self.engine.job is not None:
            return
        try:
            layers = self.channels.layers()
            request = self._request(outline_of(layers, self.channels.channels))
        except DiffSegError as error:
            self.engine.ask(None)
            self.expected.say(self._ready)
            self.warning.say("")
            self._outline.hide()
            self._refuse(str(error))
            return
        self.warning.say("\n".join([*request.warnings(), *filter(None, [orientation_note(layers)])]))
        self._refuse("")
        self._draw_outline(layers[0], request.options.box)
        self.engine.ask(request)

    def _outline_region(self) -> None:
        """Show the region from now on; the results of a run take its place."""
        self._outlined = True

    def _draw_outline(self, layer: Image, box: Box | None) -> None:
        if self._outlined and box is not None and box != Box.whole(grid_of([layer]).shape):
            self._outline.show(layer, box)
        else:
            self._outline.hide()

    def _refuse(self, reason: str) -> None:
        """Say above the button why it cannot be pressed; an empty reason lets it be pressed."""
        self.obstacle.say(reason)
        self.start.setEnabled(not reason)

    def _note_loaded(self, what: str) -> None:
        self._ready = f"Ready: {what}"
        self.expected.say(self._ready)

    def _foresee(self, found: Forecast) -> None:
        self.expected.say(expectation(found.plan, found.seconds))
        if not found.plan.fits:
            self._refuse(too_large(found.plan))

    def _press(self, *_: object) -> None:
        if self.engine.job is not None:
            self._cancel()
        elif self.start.isEnabled():
            self._begin()

    def _begin(self) -> None:
        try:
            request = self._request(scan_of(self.channels.layers(), self.channels.channels))
        except DiffSegError as error:
            self._refuse(str(error))
            return
        self._layers, self._outlined = None, False
        self._outline.hide()
        self.start.setText("Cancel")
        self.message.say("")
        self.outcome.discard()
        self.progress.begin()
        self.engine.run(request)

    def _cancel(self) -> None:
        if self.engine.job is not None:
            self.start.setText("Cancelling…")
            self.start.setEnabled(False)
            self.engine.cancel()

    def _show_event(self, event: Event) -> None:
        self.progress.show_event(event)
        job = self.engine.job
        if isinstance(event, Stepped | MemberDone) and job is not None:
            self._draw(job)
        elif isinstance(event, Finished) and job is not None:
            self._keep(job)
            self.message.say(ending(event))

    def _draw(self, job: Job) -> None:
        """Show what the arrays hold by now; the first time, make the layers."""
        request, arrays = job.request, job.arrays
        if self._layers is None and arrays is not None:
            classes, axis = request.document.classes, request.document.slice_axis
            self._layers = ResultLayers(
                self._viewer, arrays, request.scan, classes, slice_axis=axis, later=qt_later
            )
            self.outcome.begin(self._layers, classes)
        if self._layers is not None:
            self._layers.refresh()

    def _keep(self, job: Job) -> None:
        """Leave the run's final layers, or none where it gave nothing."""
        if self._layers is not None and job.result is not None:
            self._layers.finish(job.result)
            self.outcome.finish(job.result, job.volumes, job.request.scan.name)
        elif self._layers is not None:
            self._layers.discard()
            self.outcome.discard()

    def _fail(self, error: DiffSegError) -> None:
        self._explain(error)
        if self.engine.job is not None:
            self._keep(self.engine.job)

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))

    def _end(self) -> None:
        self.start.setText("Segment")
        self.progress.hide()
        self._review()


def _on_keys(keys: str, widget: QWidget, scope: Qt.ShortcutContext, slot: Callable[[], None]) -> None:
    shortcut = QShortcut(QKeySequence(keys), widget)
    shortcut.setContext(scope)
    shortcut.activated.connect(slot)
