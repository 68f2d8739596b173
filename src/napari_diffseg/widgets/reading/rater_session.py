"""An open read in the viewer: everything that is drawn or said is saved within half a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import UInt8
from qtpy.QtCore import QObject, QTimer, Signal

from napari_diffseg.errors import DiffSegError
from napari_diffseg.layers.answers import Answer
from napari_diffseg.layers.read_tools import ReadTools
from napari_diffseg.layers.reads import ReadLayers
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.read import Read
from napari_diffseg.raters.read_record import StartedFrom
from napari_diffseg.raters.voxel_counts import VoxelCounts
from napari_diffseg.volume.grid import Shape
from napari_diffseg.widgets.reading.clerk import Clerk
from napari_diffseg.widgets.reading.read_jobs import Saved, concerns, leave, remove, restore, save

_SOON_MS, _AGAIN_MS = 250, 2000
_PATIENCE_S = 20.0

Mask = UInt8[np.ndarray, "D H W"]
Then = Callable[[Any], None]


class ReadSession(QObject):
    """Watches the layer that is drawn in, and hands what changed to the read, in a thread.

    Args:
        read: open.
        layers: that show it.
        tools: draw in them, so that the layer's undo knows.
        counts: of the mask as it was opened.
        parent: of this.

    Attributes:
        voxels: of each number that has any.
        saved_at: when something was saved last, in seconds since 1970; 0 before that.

    Signals:
        saved: all is saved that was done up to a moment ago.
        failed: why not, a DiffSegError; it is tried again as long as the read is ours.
        changed: there are other lesions than before, or they have other voxels.
    """

    saved = Signal()
    failed = Signal(object)
    changed = Signal()

    def __init__(
        self, read: Read, layers: ReadLayers, tools: ReadTools, counts: VoxelCounts, parent: QObject
    ) -> None:
        super().__init__(parent)
        self.read, self.layers, self._tools = read, layers, tools
        self.voxels = counts.voxels()
        self.saved_at = 0.0
        self._said: dict[int, Lesion] = {}
        self._counts: VoxelCounts | None = counts
        self._unsaved, self._at_work, self._beating = False, False, False
        self._waiting: list[tuple[Callable[[Mask], Any], Then]] = []
        self._worked_s = 0.0
        self._clerk = Clerk(self)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._go_on)
        for event in self._events():
            event.connect(self._touch)
        self._touch()

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        """Those that count, by number; what the rater said and is not saved yet is in it."""
        return tuple(self._said.get(lesion.number, lesion) for lesion in self.read.lesions)

    @property
    def is_saved(self) -> bool:
        """Whether nothing waits to be saved."""
        return not (self._unsaved or self._at_work or self._said or self._waiting)

    def say(self, lesion: Lesion) -> None:
        """Put a lesion in the place of the one with its number."""
        self._said[lesion.number] = lesion
        self._touch()
        self.changed.emit()

    def add(
        self, kind: str, then: Callable[[Lesion], None], *, label: int = 1, voxel: Shape | None = None
    ) -> None:
        """Make a new lesion.

        Args:
            kind: of the project's form.
            then: called with it.
            label: its class.
            voxel: of a point.
        """
        self._ask(lambda _: self.read.add_lesion(kind, label=label, voxel=voxel), then)

    def remove(self, number: int, then: Then) -> None:
        """Take a lesion out; its voxels go in one step of the layer's undo, which brings both back."""

        def erase(answer: object) -> None:
            self._tools.erase(number)
            then(answer)

        self._ask(partial(remove, self.read, number), erase)

    def restore(self, number: int, then: Then) -> None:
        """Bring a removed lesion back, with its voxels."""

        def draw(voxels: Any) -> None:
            if voxels is not None:
                self._tools.draw(number, *voxels)
            then(number)

        self._ask(partial(restore, self.read, number), draw)

    def start_from_member(self, answer: Answer, source: StartedFrom, then: Callable[[Answer], None]) -> None:
        """Draw a model's answer as a start, once the record says that it is one."""

        def draw(_: object) -> None:
            answer.draw_in(self.layers.labels)
            then(answer)

        self._ask(lambda data: self.read.start_from_member(answer.on(data), source), draw)

    def find_concerns(self, then: Callable[[tuple[str, ...]], None]) -> None:
        """Find what may have been forgotten."""
        self._ask(lambda _: concerns(self.read), then)

    def finish(self, then: Then) -> None:
        """Freeze the read for good."""
        self._ask(self.read.finish, then)

    def beat(self, worked_s: float) -> None:
        """Keep the read, and count the seconds worked since the last time."""
        self._worked_s += worked_s
        if self._beating or not self.read.editable:
            return
        self._beating = True
        self._clerk.ask(partial(self.read.beat, self._worked_s), self._note_beat, self._note_no_beat)
        self._worked_s = 0.0

    def close(self) -> bool:
        """Save what is not saved yet and leave the read.

        Returns:
            Whether that was done; otherwise the disk does not answer.
        """
        self._soon.stop()
        for event in self._events():
            event.disconnect(self._touch)
        data, said = self.layers.labels.data, tuple(self._said.values())
        self._clerk.ask(partial(leave, self.read, data, said, self._worked_s), _ignore, _ignore)
        return self._clerk.close(_PATIENCE_S)

    def _events(self) -> tuple[Any, ...]:
        """A stroke tells `paint` at its end and `labels_update` on its way; undo and redo tell `set_data`."""
        events = self.layers.labels.events
        return events.paint, events.labels_update, events.set_data

    def _touch(self, event: object = None) -> None:
        self._unsaved = True
        if not self._soon.isActive():
            self._soon.start(_SOON_MS)

    def _ask(self, job: Callable[[Mask], Any], then: Then) -> None:
        """Have something done after saving; nothing is saved between it and what the window does then."""
        self._waiting.append((job, then))
        self._go_on()

    def _go_on(self) -> None:
        """Save; then do what waits the longest."""
        if self._at_work or not self.read.editable:
            return
        try:
            data = self.layers.drawing()
        except DiffSegError as error:
            self.failed.emit(error)
            return
        self._unsaved, self._at_work = False, True
        job, then = self._waiting.pop(0) if self._waiting else (None, _ignore)
        work = partial(save, self.read, data, tuple(self._said.values()), self._counts, job)
        self._clerk.ask(work, partial(self._note_saved, then), self._note_unsaved)

    def _note_saved(self, then: Then, done: Saved) -> None:
        self._at_work, self._counts = False, done.counts
        for lesion in done.said:
            if self._said.get(lesion.number) is lesion:
                del self._said[lesion.number]
        news = done.anything or not self.saved_at
        if news:
            self.saved_at = time.time()
            self.voxels = done.counts.voxels()
        if done.error is not None:
            self.failed.emit(done.error)
        else:
            self.saved.emit()
            then(done.answer)
        if news:
            self.changed.emit()
        if self._waiting:
            self._go_on()
        elif self._unsaved or self._said:
            self._soon.start(_SOON_MS)

    def _note_unsaved(self, error: DiffSegError) -> None:
        self._at_work, self._unsaved, self._counts = False, True, None
        self._waiting.clear()
        self.failed.emit(error)
        if self.read.editable:
            self._soon.start(_AGAIN_MS)

    def _note_beat(self, _: object) -> None:
        self._beating = False
        if self.is_saved:
            self.saved.emit()

    def _note_no_beat(self, error: DiffSegError) -> None:
        self._beating = False
        self.failed.emit(error)


def _ignore(_: object) -> None:
    pass
