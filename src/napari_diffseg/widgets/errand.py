"""A piece of work in a thread that a dock may lose interest in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event as Flag
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_diffseg.widgets.worker import Worker, work


class Errand(QObject):
    """Runs a generator function in a thread; once it is given up, nothing more is heard of it.

    Args:
        parent: whose errand it is.
        function: called in the thread with `args` and a flag that is set when it should end soon.
        args: of the function.

    Signals:
        told: what the function yields.
        failed: why it ended early, a DiffSegError.
        ended: it is over, in any case.
    """

    told = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, parent: QObject, function: Callable[..., Iterator[Any]], *args: Any) -> None:
        super().__init__(parent)
        self._function, self._args, self._given_up = function, args, Flag()
        self._worker: Worker | None = None

    def run(self) -> None:
        """Begin; signals are connected by now."""
        self._worker = work(
            self._function,
            *self._args,
            self._given_up,
            yielded=self.told,
            errored=self.failed,
            finished=self._end,
            on_quit=self._given_up.set,
        )

    def stop(self) -> None:
        """Ask for an end; what it still tells is heard."""
        self._given_up.set()

    def give_up(self) -> None:
        """Ask for an end, and tell nothing more."""
        self.blockSignals(True)
        self._given_up.set()

    def join(self) -> None:
        """Wait until the thread is done with it."""
        if self._worker is not None:
            self._worker.join()

    def _end(self) -> None:
        self.ended.emit()
        self.deleteLater()


def give_up_all(parent: QObject) -> None:
    """Give up every errand of a widget and of those in it, and leave no thread."""
    errands = parent.findChildren(Errand)
    for errand in errands:
        errand.give_up()
    for errand in errands:
        errand.join()
