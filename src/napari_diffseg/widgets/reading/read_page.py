"""The page on which a rater reads: the case, tools, lesions, ratings, and what is saved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.layers.reads import Window
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.read_record import ReadRecord
from napari_diffseg.widgets.column import scrolling
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.projects.rater_opening import OpenCase
from napari_diffseg.widgets.reading.finishing import Finishing
from napari_diffseg.widgets.reading.lesion_panel import LesionPanel
from napari_diffseg.widgets.reading.plausible_start import PlausibleStart
from napari_diffseg.widgets.reading.rater_activity import Activity
from napari_diffseg.widgets.reading.read_head import ReadHead
from napari_diffseg.widgets.reading.read_keys import KeySheet
from napari_diffseg.widgets.reading.read_on_screen import ReadOnScreen
from napari_diffseg.widgets.reading.read_tool_buttons import ReadToolButtons
from napari_diffseg.widgets.reading.save_line import SaveLine
from napari_diffseg.widgets.rows import column_in
from napari_diffseg.widgets.section import Section

_BRUSH_STEP = 5


class ReadPage(QWidget):
    """Shows one case at a time; the caller opens it, and says which one is next.

    Args:
        viewer: gets the layers.
        project: whose form it has.

    Attributes:
        read: on screen; None before the first case.

    Signals:
        stepped: the person wants the next case (1) or the one before (-1).
        again: they want to read a finished case anew, from "empty" or "finished".
        finished: the case that was just finished.
        closed: the case was closed, for its layer was deleted.
    """

    stepped = Signal(int)
    again = Signal(str)
    finished = Signal(str)
    closed = Signal()

    def __init__(self, viewer: ViewerModel, project: Project) -> None:
        super().__init__()
        self._viewer, self._project = viewer, project
        self._window: Window | None = None
        self.read: ReadOnScreen | None = None
        self.head, self.tools = ReadHead(), ReadToolButtons()
        self.panel = LesionPanel(project.document)
        self.warning, self.message, self.finishing = PlainLabel(), PlainLabel(), Finishing()
        self.line = SaveLine()
        self.activity = Activity(viewer, self)
        self.plausible = PlausibleStart(viewer, project.document)
        self.offer = Section("Start from a plausible answer", self.plausible)
        self._sheet = QShortcut(QKeySequence("?"), self)
        self._sheet.setContext(Qt.ShortcutContext.WindowShortcut)
        self._lay_out()
        self._connect()
        self.colour()

    def show_case(self, opened: OpenCase) -> None:
        """Show a case in the place of the one before."""
        self.close_case()
        self.read = ReadOnScreen(self._viewer, self._project, opened, self._actions(), self._window, self)
        self.head.show_case(opened.record)
        self.line.begin()
        self._show_contour()
        session = self.read.session
        if session is not None and opened.read is not None:
            session.saved.connect(self._note_saved)
            session.failed.connect(self._note_trouble)
            session.changed.connect(self.panel.show_lesions)
            self.warning.say(opened.read.note)
            self.activity.restart(opened.record.active_seconds)
            self._show_work()
        else:
            self.line.show_frozen()
            self.finishing.look_back(opened.record)
        self.panel.take_read(self.read)
        self._follow_layer()
        self._show_state()

    def close_case(self) -> bool:
        """Save and leave the case; False where the disk does not answer."""
        read, self.read = self.read, None
        if read is None:
            return True
        self.panel.take_read(None)
        self._show_state()
        if read.session is not None:
            self.activity.stop()
        self._window = read.layers.window
        saved = read.close()
        for said in (self.warning, self.message):
            said.say("")
        self.finishing.withdraw()
        return saved

    def close_down(self) -> None:
        """The dock closes: leave the case, and the viewer alone."""
        self._viewer.layers.events.removed.disconnect(self._note_removed)
        self._viewer.layers.selection.events.active.disconnect(self._follow_layer)
        self._viewer.dims.events.ndisplay.disconnect(self._follow_3d)
        self.close_case()
        self.plausible.close_down()

    def colour(self) -> None:
        """Take the colours of the viewer's theme."""
        theme = get_theme(self._viewer.theme)
        self.warning.setStyleSheet(f"color: {theme.warning.as_hex()};")
        self.line.colour(theme.error.as_hex())

    def _lay_out(self) -> None:
        above, below = (self.head, self.warning, self.tools, self.offer), (self.message, self.finishing)
        column_in(self, scrolling(*above, self.panel, *below, self.line, growing=self.panel))

    def _connect(self) -> None:
        self.head.stepped.connect(self.stepped)
        self.panel.said.connect(self.message.say)
        self.panel.left.connect(self._leave_dock)
        self.tools.pressed.connect(self._use_tool)
        self.tools.sheet.connect(self.show_keys)
        self.tools.contour.toggled.connect(self._show_contour)
        self.tools.in_3d.toggled.connect(self._turn_3d)
        self.line.finish.clicked.connect(self.ask_finish)
        self.finishing.finished.connect(self._note_finished)
        self.finishing.again.connect(self.again)
        self.activity.ticked.connect(self._tick)
        self._sheet.activated.connect(self.show_keys)
        self._viewer.layers.events.removed.connect(self._note_removed)
        self._viewer.layers.selection.events.active.connect(self._follow_layer)
        self._viewer.dims.events.ndisplay.connect(self._follow_3d)

    def show_keys(self) -> None:
        """Open the sheet of keys."""
        KeySheet(self).show()

    def ask_finish(self, *_: object) -> None:
        """Look for what may have been forgotten, then ask."""
        if self.read is not None and self.read.session is not None and not self.read.is_frozen:
            self.finishing.begin(self.read.session)

    def _actions(self) -> dict[str, Callable[[], None]]:
        """What the keys do."""
        panel = self.panel
        tools = ("interpolate", "copy", "smooth", "smooth_all", "largest")
        return {
            "new": panel.add,
            "point": panel.begin_point,
            "next": partial(panel.step, 1),
            "previous": partial(panel.step, -1),
            "go": panel.go_to,
            "rate": panel.form.ratings.take_focus,
            "delete": panel.ask_delete,
            **{name: partial(self._use_tool, name) for name in tools},
            "contour": self.tools.contour.toggle,
            "larger": partial(self._change_brush, _BRUSH_STEP),
            "smaller": partial(self._change_brush, -_BRUSH_STEP),
            "next_case": partial(self.stepped.emit, 1),
            "previous_case": partial(self.stepped.emit, -1),
        }

    def _use_tool(self, name: str) -> None:
        if self.read is None or self.read.is_frozen:
            return
        if self.read.in_hand != self.read.labels.selected_label or not self.read.in_hand:
            self.message.say("Choose an outlined lesion first.")
            return
        tools = self.read.tools
        use = {
            "interpolate": tools.interpolate,
            "copy": tools.copy_previous,
            "smooth": tools.smooth,
            "smooth_all": tools.smooth_all,
            "largest": tools.keep_largest,
        }
        self.message.say(use[name]())

    def _change_brush(self, by: int) -> None:
        if self.read is not None:
            self.read.labels.brush_size = max(1, int(self.read.labels.brush_size) + by)

    def _show_contour(self, *_: object) -> None:
        if self.read is not None:
            self.read.labels.contour = int(self.tools.contour.isChecked())

    def _turn_3d(self, wanted: bool) -> None:
        self._viewer.dims.ndisplay = 3 if wanted else 2

    def _follow_3d(self, event: object = None) -> None:
        self.tools.in_3d.setChecked(self._viewer.dims.ndisplay == 3)

    def _follow_layer(self, event: object = None) -> None:
        """Our key for the sheet works as the others do: while the read's layer is selected."""
        # napari wraps what a plugin reaches, so that layers are told by their numbers
        active = getattr(self._viewer.layers.selection.active, "unique_id", None)
        self._sheet.setEnabled(self.read is not None and active == self.read.labels.unique_id)

    def _note_removed(self, event: object = None) -> None:
        if self.read is not None and self.read.layers.is_gone():
            self.close_case()
            self.closed.emit()

    def _tick(self, worked_s: float) -> None:
        if self.read is not None and self.read.session is not None:
            self.read.session.beat(worked_s)
            self._show_work()

    def _show_work(self) -> None:
        self.line.show_work(self.activity.seconds, idle=self.activity.is_idle)

    def _note_saved(self) -> None:
        if self.read is not None and self.read.session is not None:
            self.line.show_saved(self.read.session.saved_at)

    def _note_trouble(self, error: DiffSegError) -> None:
        self.line.show_trouble(error, again=self.read is not None and not self.read.is_frozen)
        if self.read is not None and self.read.is_frozen:  # somebody took it over
            self.read.freeze()
            self._show_state()

    def _note_finished(self, record: ReadRecord) -> None:
        if self.read is None:
            return
        self.activity.stop()
        self.read.freeze()
        self.line.show_frozen()
        self.panel.show_lesions()
        self._show_state()
        self.finished.emit(record.case)

    def _show_state(self) -> None:
        frozen = self.read is None or self.read.is_frozen
        self.tools.set_frozen(frozen)
        self.offer.setVisible(not frozen)
        self.plausible.take_read(None if frozen else self.read)
        self.line.finish.setEnabled(not frozen)

    def _leave_dock(self) -> None:
        """Give the keys back to the picture: napari's window passes them on to it."""
        window = self.window()
        if window is not None:
            window.setFocus()
