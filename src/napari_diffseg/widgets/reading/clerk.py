"""One thread for all that an open read does on the disk: in order, and no window waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_diffseg.errors import DiffSegError

logger = logging.getLogger(__name__)

Slot = Callable[[Any], None]
_Job = tuple[Callable[[], Any], Slot, Slot]


class Clerk(QObject):
    """Does one job after the other. Its own thread, since those of Qt's pool may all be at work for minutes.

    Args:
        parent: whose clerk it is.
    """

    _answered = Signal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._answered.connect(self._tell)
        self._thread = threading.Thread(target=self._work, name="napari-diffseg clerk", daemon=True)
        self._thread.start()

    def ask(self, job: Callable[[], Any], then: Slot, otherwise: Slot) -> None:
        """Have something done.

        Args:
            job: called in the thread.
            then: called in the window's thread with what it returns.
            otherwise: called there with the DiffSegError that ended it.
        """
        self._jobs.put((job, then, otherwise))

    def close(self, wait_s: float) -> bool:
        """Do what was asked for and end; nothing is answered any more.

        Args:
            wait_s: that a person may be kept waiting, for example by a shared drive that is gone.

        Returns:
            Whether all of it is done.
        """
        self.blockSignals(True)
        self._jobs.put(None)
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            do, then, otherwise = job
            try:
                answer = do()
            except DiffSegError as error:
                self._answered.emit(otherwise, error)
            except Exception as error:
                logger.exception("An unexpected error while saving a read")
                self._answered.emit(otherwise, DiffSegError(_unexpected(error)))
            else:
                self._answered.emit(then, answer)

    def _tell(self, slot: Slot, value: object) -> None:
        slot(value)


def _unexpected(error: Exception) -> str:
    return (
        f"An unexpected error came up while saving ({type(error).__name__}: {error}). "
        "The log has the details; please report it."
    )
