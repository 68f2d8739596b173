"""What a run's process says and hears: events, status and requests, of the first process alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import torch

from napari_diffseg.training.control import Request, asked
from napari_diffseg.training.events import Answered, Ended, Event, EventLog, Stepped, pace
from napari_diffseg.training.folder import unwritable
from napari_diffseg.training.status import State, Status, write_status
from napari_diffseg.training.tensorboard import Board

logger = logging.getLogger(__name__)

_BEAT_S = 1.0


class Journal:
    """Events and status of a run.

    Args:
        run: its folder.
        steps: of the whole run.
        silent: in the processes that only help.

    Raises:
        TrainingError: the folder cannot be written to.
    """

    def __init__(self, run: Path, steps: int, *, silent: bool) -> None:
        self.step = 0
        """That was done last."""
        self._run, self._steps, self._silent = run, steps, silent
        self._log = None if silent else _log_of(run)
        self._began = psutil.Process().create_time()
        self._said = 0.0
        self._state: State | None = None
        self._pace: float | None = None
        self._board: Board | None = None

    def draw(self) -> None:
        """Draw curves for TensorBoard too, from the step that is done on."""
        if not self._silent:
            self._board = Board(self._run, self.step)

    def say(self, event: Event, *, safely: bool = False) -> None:
        """Add an event; a step's is noted in the status too.

        Raises:
            OSError: the disk is full.
        """
        if isinstance(event, Stepped):
            self.step = event.step
            self._pace = pace(self._pace, event)
        if self._log is None:
            return
        self._log.say(event, safely=safely)
        if self._board is not None:
            self._board.show(event)
        if not isinstance(event, Stepped):
            logger.info("%s", event.model_dump_json())

    def stand(self, state: State, *, sentence: str = "") -> None:
        """Say how the run stands: at once when that changes, otherwise once a second.

        Raises:
            OSError: the disk is full.
        """
        now = time.monotonic()
        if self._silent or (state == self._state and now - self._said < _BEAT_S):
            return
        self._state, self._said = state, now
        left = None if self._pace is None else self._pace * (self._steps - self.step)
        memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
        write_status(
            self._run,
            Status(
                state=state,
                step=self.step,
                steps=self._steps,
                seconds_left=left,
                memory_bytes=memory,
                sentence=sentence,
            ),
        )

    def requests(self) -> list[Request]:
        """What was asked for since the last call, the oldest first; each is answered and removed."""
        found = [] if self._silent else asked(self._run, since=self._began)
        for path, request in found:
            self.say(Answered(request=request, step=self.step))
            path.unlink(missing_ok=True)
        return [request for _, request in found]

    def end(self, ended: Ended) -> None:
        """The last words; where one cannot be written, as on a full disk, the log tells it."""
        words: list[Callable[[], None]] = [
            partial(self.say, ended, safely=True),
            partial(self.stand, ended.state, sentence=ended.sentence),
        ]
        for word in words:
            try:
                word()
            except OSError:
                logger.exception("%s", ended.model_dump_json())
        for file in (self._log, self._board):
            if file is not None:
                file.close()


def _log_of(run: Path) -> EventLog:
    try:
        return EventLog(run)
    except OSError as error:
        raise unwritable(run, error) from error
