"""What is known of a run by now, without reading anything twice. No Qt here: a thread does this."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64
from scipy.ndimage import uniform_filter1d

from napari_diffseg.training.comparison import Comparison, read_comparison
from napari_diffseg.training.config import read_run
from napari_diffseg.training.events import (
    Ended,
    EventReader,
    Prepared,
    Started,
    Stepped,
    Validated,
    Warned,
    pace,
)
from napari_diffseg.training.folder import LOG, RUN, RunSummary
from napari_diffseg.training.status import ALIVE, State, read_status
from napari_diffseg.training.without_diffusion import WITHOUT_DIFFUSION
from napari_diffseg.widgets.training.event_wording import log_in_words

_TAIL_BYTES = 16_384
_TAIL_LINES = 40
_SMOOTHED_OVER = 50  # parts of a run
_LEAST_SMOOTHED = 5

Standing = State | Literal["comparing"]
GOING_ON: tuple[Standing, ...] = (*ALIVE, "comparing")


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A run as it stood at a moment.

    Args:
        summary: its config and status; of its events the validations that count alone.
        prepared: how many cases are, until training begins.
        started: where and what it trains; None before.
        step_s: seconds a step, over the last ones; None before the first.
        warned: what a person should know, in order.
        made: seconds since 1970 when the run was made.
        checkpoint: that can be segmented with; None when there is none yet.
        control: the same network without diffusion, which is trained after the run; None where that is not
            asked for, or not begun.
        comparison: of the two; None before.
        in_hand: whether the run is over and its process still there, for what follows.
    """

    summary: RunSummary
    prepared: Prepared | None
    started: Started | None
    step_s: float | None
    warned: tuple[str, ...]
    made: float
    checkpoint: Path | None
    control: Seen | None
    comparison: Comparison | None
    in_hand: bool

    @property
    def standing(self) -> Standing | None:
        """How the run stands, or what follows it; None before its process has spoken."""
        if not self.is_followed:
            return self._state
        after = self.control._state if self.control is not None else None
        if after in ALIVE:
            return after
        if self.comparison is not None:
            return "finished"
        if self.in_hand:
            return "comparing" if after == "finished" else "preparing"
        return "stopped" if after in (None, "finished") else after

    @property
    def is_followed(self) -> bool:
        """Whether the run itself is over, and held against its control then."""
        return self._state == "finished" and self.summary.config.with_control

    @property
    def part(self) -> Seen:
        """Whose steps count now: the run, or its control."""
        return self.control if self.is_followed and self.control is not None else self

    @property
    def _state(self) -> State | None:
        return self.summary.status.state if self.summary.status is not None else None

    @property
    def validated(self) -> tuple[Validated, ...]:
        """Every validation that counts, in order."""
        return tuple(event for event in self.summary.events if isinstance(event, Validated))


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """A run's numbers over its steps, for plots."""

    steps: Int64[np.ndarray, " step"]
    losses: Float64[np.ndarray, " step"]
    smoothed: Float64[np.ndarray, " step"]
    rates: Float64[np.ndarray, " step"]


class Follower:
    """Reads a run's files as they grow.

    Args:
        run: its folder.

    Attributes:
        events: how many were read.

    Raises:
        TrainingError: run.toml cannot be read.
    """

    def __init__(self, run: Path) -> None:
        self.folder, self.events, self._config = run, 0, read_run(run / RUN)
        self._made = (run / RUN).stat().st_mtime
        self._reader = EventReader(run)
        self._steps, self._losses, self._rates = array("q"), array("d"), array("d")
        self._validated: list[Validated] = []
        self._warned: list[str] = []
        self._prepared: Prepared | None = None
        self._started: Started | None = None
        self._step_s: float | None = None
        self._control: Follower | None = None

    def look(self) -> Seen:
        """Take in what is new, and tell how the run stands."""
        for event in self._reader.new():
            self.events += 1
            match event:
                case Stepped():
                    self._add(event)
                case Validated():
                    self._validated.append(event)
                case Started():
                    self._go_back(event.step)
                    self._started, self._prepared = event, None
                case Prepared():
                    self._prepared = event
                case Warned():
                    self._warned.append(event.sentence)
                case Ended():
                    self._prepared = None
        status = read_status(self.folder)
        summary = RunSummary(self.folder, self._config, status, tuple(self._validated))
        return Seen(
            summary,
            prepared=self._prepared,
            started=self._started,
            step_s=self._step_s,
            warned=tuple(self._warned),
            made=self._made,
            checkpoint=summary.checkpoint,
            control=self._see_control(),
            comparison=read_comparison(self.folder, self._config),
            in_hand=status is not None and status.state == "finished" and status.is_alive(),
        )

    def curves(self) -> Curves:
        """All steps so far; those that a resumed run did again are there once."""
        losses = np.array(self._losses, dtype=np.float64)
        width = max(_LEAST_SMOOTHED, len(losses) // _SMOOTHED_OVER)
        smoothed = uniform_filter1d(losses, width, mode="nearest") if len(losses) else losses
        return Curves(
            np.array(self._steps, dtype=np.int64), losses, smoothed, np.array(self._rates, dtype=np.float64)
        )

    def log(self) -> str:
        """The last lines of what the process said, with events in words."""
        try:
            with (self.folder / LOG).open("rb") as file:
                file.seek(0, os.SEEK_END)
                start = max(0, file.tell() - _TAIL_BYTES)
                file.seek(start)
                lines = file.read().decode(errors="replace").splitlines()[int(start > 0) :]
        except OSError:
            return ""
        return "\n".join(log_in_words(line) for line in lines[-_TAIL_LINES:])

    def _add(self, event: Stepped) -> None:
        self._steps.append(event.step)
        self._losses.append(event.loss)
        self._rates.append(event.learning_rate)
        self._step_s = pace(self._step_s, event)

    def _see_control(self) -> Seen | None:
        folder = self.folder / WITHOUT_DIFFUSION
        if self._control is None and self._config.with_control and (folder / RUN).is_file():
            self._control = Follower(folder)
        return self._control.look() if self._control is not None else None

    def _go_back(self, step: int) -> None:
        """A resumed run goes on after this step; what came later is void."""
        kept = bisect_right(self._steps, step)
        for numbers in (self._steps, self._losses, self._rates):
            del numbers[kept:]
        self._validated = [event for event in self._validated if event.step <= step]
        self._step_s = None
