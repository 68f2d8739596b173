"""What is wanted of a run that goes on, by request files or by a signal."""

from __future__ import annotations

from threading import Event
from typing import Literal

from napari_diffseg.training.journal import Journal
from napari_diffseg.training.status import State

Wish = Literal["go on", "pause", "stop"]


class Wishes:
    """Takes up what was asked; for the first process, as what it finds goes for all.

    Args:
        journal: of the run.
        stop: set by a signal.
    """

    def __init__(self, journal: Journal, stop: Event) -> None:
        self._journal, self._stop = journal, stop
        self._paused = self._last_epoch = False

    def go_on(self, state: State = "running") -> bool:
        """Whether nobody wants the run to stop at once; says meanwhile how it stands.

        Asked again and again during long work, and between steps by `at_step`. A pause begins between steps.
        """
        for request in self._journal.requests():
            if request == "stop":
                self._stop.set()
            elif request == "finish-epoch":
                self._last_epoch = True
            else:
                self._paused = request == "pause"
        self._journal.stand(state)
        return not self._stop.is_set()

    def at_step(self, *, epoch_ends: bool) -> Wish:
        """What is to be done between two steps.

        Args:
            epoch_ends: whether every case has been used up equally often, to a batch.
        """
        if not self.go_on("paused" if self._paused else "running") or (self._last_epoch and epoch_ends):
            return "stop"
        return "pause" if self._paused else "go on"
