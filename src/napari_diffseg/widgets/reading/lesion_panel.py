"""The lesions of the read on screen: the list, what is done with one, and what is said about it."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QMenu, QPushButton, QWidget

from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.project_document import ProjectDocument
from napari_diffseg.raters.rating_form import LesionKind
from napari_diffseg.volume.grid import Shape
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.question import Question
from napari_diffseg.widgets.reading.lesion_form import LesionForm
from napari_diffseg.widgets.reading.lesion_table import LesionTable
from napari_diffseg.widgets.reading.rater_session import ReadSession
from napari_diffseg.widgets.reading.read_keys import OWN_KEYS
from napari_diffseg.widgets.reading.read_on_screen import ReadOnScreen
from napari_diffseg.widgets.rows import column_in, equal


class LesionPanel(QWidget):
    """Lists, makes, rates and deletes lesions of one read after the other.

    Args:
        project: whose form it has.

    Signals:
        said: a sentence about what was done.
        left: the person wants back to the picture.
    """

    said = Signal(str)
    left = Signal()

    def __init__(self, project: ProjectDocument) -> None:
        super().__init__()
        self._kinds = project.form.kinds
        self._read: ReadOnScreen | None = None
        self._placing: LesionKind | None = None
        self.table, self.form = LesionTable(), LesionForm(project.form, project.labels)
        self.new, self.mark = QPushButton("New"), QPushButton("Mark point")
        self.delete, self.question, self.hint = QPushButton("Delete"), Question(), PlainLabel()
        self._lay_out()
        self.table.chosen.connect(self._choose)
        self.form.changed.connect(self._say)
        self.form.left.connect(self.left)
        self.new.clicked.connect(self.add)
        self.delete.clicked.connect(self.ask_delete)

    def take_read(self, read: ReadOnScreen | None) -> None:
        """Show another read's lesions; None for none."""
        self.form.show_lesion(None)  # a note that is being typed goes to the read before
        self._read, self._placing = read, None
        self.question.withdraw()
        self.hint.say("")
        if read is not None:
            read.labels.events.selected_label.connect(self._follow_brush)
            read.placing.placed.connect(self._place)
            read.placing.missed.connect(partial(self.hint.say, "That lies outside the scan. Click in it."))
        self.show_lesions()

    def show_lesions(self) -> None:
        """Show how the lesions stand now."""
        read = self._read
        for button in (self.new, self.mark, self.delete):
            button.setEnabled(read is not None and not read.is_frozen)
        if read is None:
            self.table.show_rows([], 0)
            self.form.show_lesion(None)
            return
        self.table.show_rows(read.rows(), read.in_hand)
        self.form.show_lesion(read.lesion(), frozen=read.is_frozen)
        self.delete.setEnabled(self.delete.isEnabled() and read.lesion() is not None)
        read.layers.show_points(read.lesions)

    def take(self, number: int) -> None:
        """Take a lesion in hand."""
        if self._read is not None:
            self._read.take(number)
            self.show_lesions()

    def step(self, by: int) -> None:
        """Take the lesion so many rows below in hand, and go there."""
        number = self._read.step(by) if self._read else None
        if number is not None:
            self._choose(number)

    def go_to(self) -> None:
        """Show the lesion in hand."""
        if self._read is not None and not self._read.go_to(self._read.in_hand):
            self.said.emit(f"Lesion {self._read.in_hand} has no voxel yet. Paint it.")

    def add(self, *_: object) -> None:
        """Make a new lesion to be painted, unless the one in hand still waits for that."""
        read = self._read
        if read is None or read.session is None or read.is_frozen:
            return
        waiting = [row.number for row in read.rows() if row.size == "–"]
        if waiting:
            self.take(waiting[0])
            self.said.emit(f"Lesion {waiting[0]} is still empty: paint it.")
            return
        painted = next(kind for kind in self._kinds if kind.owns == "mask")
        read.session.add(painted.name, self._take_new)

    def begin_point(self, kind: LesionKind | None = None) -> None:
        """Mark a point with the next click; once more to give up."""
        read = self._read
        points = [kind for kind in self._kinds if kind.owns == "point"]
        if read is None or read.is_frozen or not points:
            return
        if read.placing.is_waiting and kind is None:
            read.placing.end()
            self.hint.say("")
            return
        self._placing = kind or points[0]
        self.hint.say(f"Click the middle of the {self._placing.name}. {_key('point')} gives up.")
        read.placing.begin()

    def ask_delete(self, *_: object) -> None:
        """Ask whether the lesion in hand is to be deleted."""
        lesion = self._read.lesion() if self._read else None
        if lesion is None or self._read is None or self._read.is_frozen:
            return
        row = next(row for row in self._read.rows() if row.number == lesion.number)
        text = f"Delete lesion {lesion.number} ({row.what}, {row.size})?"
        self.question.ask(text, {"Delete": partial(self._delete, lesion), "Keep": self.left.emit})

    def _lay_out(self) -> None:
        self.new.setToolTip(f"A new lesion with a colour of its own; then paint it. ({_key('new')})")
        self.delete.setToolTip(f"Delete the lesion in hand. ({_key('delete')})")
        self.mark.setToolTip(f"Mark a small finding with one click. ({_key('point')} for the first kind)")
        menu = QMenu(self.mark)
        points = [kind for kind in self._kinds if kind.owns == "point"]
        for kind in points:
            action = menu.addAction(kind.name[0].upper() + kind.name[1:])
            assert action is not None
            action.setToolTip(kind.help)
            action.triggered.connect(lambda _=False, kind=kind: self.begin_point(kind))
        menu.setToolTipsVisible(True)
        if len(points) > 1:
            self.mark.setMenu(menu)
        else:
            self.mark.clicked.connect(lambda: self.begin_point())
        self.mark.setVisible(bool(points))
        for button in (self.new, self.mark, self.delete):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        buttons = equal(self.new, *([self.mark] if points else []), self.delete)
        column_in(self, self.table, buttons, self.hint, self.question, self.form, growing=self.table)

    @property
    def _session(self) -> ReadSession | None:
        return self._read.session if self._read is not None else None

    def _choose(self, number: int) -> None:
        self.take(number)
        self.go_to()

    def _follow_brush(self, event: object = None) -> None:
        """The person chose another label with napari's own keys, or picked one in the picture."""
        if self._read is not None and self._read.in_hand != self._read.labels.selected_label:
            self.take(self._read.labels.selected_label)

    def _take_new(self, lesion: Lesion) -> None:
        if self._read is not None and self._read.labels.editable and lesion.voxel is None:
            self._read.labels.mode = "paint"
        self.take(lesion.number)

    def _place(self, voxel: Shape) -> None:
        self.hint.say("")
        if (session := self._session) is not None and self._placing is not None:
            session.add(self._placing.name, self._take_new, voxel=voxel)

    def _say(self, lesion: Lesion) -> None:
        if (session := self._session) is not None:
            session.say(lesion)

    def _delete(self, lesion: Lesion) -> None:
        if (session := self._session) is not None:
            session.remove(lesion.number, lambda _: self._offer_back(lesion))
        self.left.emit()

    def _offer_back(self, lesion: Lesion) -> None:
        numbers = [row.number for row in self._read.rows()] if self._read else []
        if numbers:
            self.take(numbers[0])
        undo = partial(self._restore, lesion.number)
        self.question.ask(f"Lesion {lesion.number} was deleted.", {"Undo": undo, "Close": None})

    def _restore(self, number: int) -> None:
        if (session := self._session) is not None:
            session.restore(number, self.take)


def _key(name: str) -> str:
    return OWN_KEYS[name].key
