"""What a run's process says and hears: events, status and requests, of the first process alone."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import torch

from napari_diffseg.training.control import Request, asked
from napari_diffseg.training.events import Answered, Ended, Event, EventLog, Stepped
from napari_diffseg.training.status import State, Status, write_status

logger = logging.getLogger(__name__)

_BEAT_S = 1.0
_SMOOTH = 0.9


class Journal:
    """Events and status of a run.

    Args:
        run: its folder.
        steps: of the whole run.
        silent: in the processes that only help.
    """

    def __init__(self, run: Path, steps: int, *, silent: bool) -> None:
        self._run, self._steps, self._silent = run, steps, silent
        self._log = None if silent else EventLog(run)
        self._step, self._said = 0, 0.0
        self._state: State | None = None
        self._pace: float | None = None

    def say(self, event: Event, *, safely: bool = False) -> None:
        """Add an event; a step's is noted in the status too."""
        if self._log is None:
            return
        self._log.say(event, safely=safely)
        if isinstance(event, Stepped):
            self._step = event.step
            pace = self._pace
            self._pace = event.seconds if pace is None else _SMOOTH * pace + (1 - _SMOOTH) * event.seconds
        else:
            logger.info("%s", event.model_dump_json())

    def stand(self, state: State, *, step: int | None = None, sentence: str = "") -> None:
        """Say how the run stands: at once when that changes, otherwise once a second."""
        self._step = self._step if step is None else step
        now = time.monotonic()
        if self._silent or (state == self._state and now - self._said < _BEAT_S):
            return
        self._state, self._said = state, now
        left = None if self._pace is None else self._pace * (self._steps - self._step)
        memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
        write_status(
            self._run,
            Status(
                state=state,
                step=self._step,
                steps=self._steps,
                seconds_left=left,
                memory_bytes=memory,
                sentence=sentence,
            ),
        )

    def requests(self) -> list[Request]:
        """What was asked for since the last call, the oldest first; each is answered and removed."""
        found = [] if self._silent else asked(self._run)
        for path, request in found:
            self.say(Answered(request=request, step=self._step))
            path.unlink(missing_ok=True)
        return [request for _, request in found]

    def end(self, ended: Ended) -> None:
        """The last word; on a full disk it goes to standard error alone."""
        if self._log is None:
            return
        try:
            self.say(ended, safely=True)
            self.stand(ended.state, step=ended.step, sentence=ended.sentence)
        except OSError:
            logger.exception("%s", ended.model_dump_json())
        self._log.close()
