"""What happens in a run, a line of JSON each, in events.jsonl. Torch-free.

The file is only ever added to. A resumed run goes back to its last saved state, so steps of which `Resumed`
names an earlier one are void: `curves` leaves them out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

EVENTS = "events.jsonl"

_KEPT = 0.9
"""Of the pace before, in the one after a step."""


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer version may say more

    time: float = Field(default_factory=time.time)


class Prepared(_Event):
    """So many of the cases are prepared."""

    kind: Literal["prepared"] = "prepared"
    done: int
    cases: int


class Started(_Event):
    """Training begins, or goes on after the saved state of `step`.

    Attributes:
        step: that is done.
        steps: of the whole run.
        device: for example "cpu" or "cuda:0".
        parameters: of the network.
    """

    kind: Literal["started"] = "started"
    step: int
    steps: int
    device: str
    parameters: int


class Stepped(_Event):
    """One step of the optimiser.

    Attributes:
        step: from 1.
        loss: over the whole batch.
        parts: of the loss, by name.
        learning_rate: that was used.
        seconds: that it took.
        waited: of them, for data.
    """

    kind: Literal["stepped"] = "stepped"
    step: int
    loss: float
    parts: dict[str, float] = Field(default_factory=dict)
    learning_rate: float
    seconds: float
    waited: float = 0.0


class Validated(_Event):
    """The weights were judged on the validation part.

    Attributes:
        step: of the weights.
        metrics: means over cases by name; None where it is undefined in every case.
        undefined: number of cases that have none, by name of the metric.
        selected_by: the metric that decides, and which way.
        best: whether these weights are the best so far.
        cases: how many.
        seconds: that it took.
    """

    kind: Literal["validated"] = "validated"
    step: int
    metrics: dict[str, float | None]
    undefined: dict[str, int] = Field(default_factory=dict)
    selected_by: str
    best: bool
    cases: int
    seconds: float


class Saved(_Event):
    """A state to resume from was written."""

    kind: Literal["saved"] = "saved"
    step: int


class Warned(_Event):
    """Something a person should know, in a sentence."""

    kind: Literal["warned"] = "warned"
    sentence: str


class Answered(_Event):
    """A request was taken up."""

    kind: Literal["answered"] = "answered"
    request: str
    step: int


class Ended(_Event):
    """The process ends.

    Attributes:
        state: why.
        step: that was done last.
        sentence: what went wrong and what to do, when it failed.
    """

    kind: Literal["ended"] = "ended"
    state: Literal["finished", "stopped", "failed"]
    step: int
    sentence: str = ""


Event = Annotated[
    Prepared | Started | Stepped | Validated | Saved | Warned | Answered | Ended, Field(discriminator="kind")
]

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Event)


class EventLog:
    """Events of a run, for the one process that writes them.

    Args:
        run: its folder.
    """

    def __init__(self, run: Path) -> None:
        path = run / EVENTS
        _end_the_last_line(path)
        self._file = path.open("ab", buffering=0)

    def say(self, event: Event, *, safely: bool = False) -> None:
        """Add one; `safely` waits until it is on the disk.

        Raises:
            OSError: the disk is full; what stood there of the line is taken back.
        """
        line = event.model_dump_json().encode() + b"\n"
        before = self._file.seek(0, os.SEEK_END)
        try:
            while line:  # a disk that is nearly full takes a part of it
                line = line[self._file.write(line) :]
        except OSError:
            self._file.truncate(before)
            raise
        if safely:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Nothing is said after this."""
        self._file.close()


class EventReader:
    """Events of a run as they come, for whoever watches it.

    Args:
        run: its folder.
    """

    def __init__(self, run: Path) -> None:
        self._path, self._at = run / EVENTS, 0

    def new(self) -> list[Event]:
        """What was added since the last call; a line that is not finished waits for the next one."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                content = file.read()
        except FileNotFoundError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._at += len(whole)
        return list(_parsed(whole.splitlines()))


def curves(events: Iterable[Event]) -> list[Event]:
    """The events without those of steps that a resumed run did again."""
    kept: list[Event] = []
    for event in events:
        if isinstance(event, Started):
            done = event.step
            kept = [e for e in kept if not (isinstance(e, Stepped | Validated) and e.step > done)]
        kept.append(event)
    return kept


def pace(before: float | None, step: Stepped) -> float:
    """Seconds a step, over about the last ten.

    Args:
        before: what it was; None before the first step.
        step: the newest.
    """
    return step.seconds if before is None else _KEPT * before + (1 - _KEPT) * step.seconds


def _parsed(lines: Iterable[bytes]) -> Iterator[Event]:
    for line in lines:
        try:
            yield _ADAPTER.validate_json(line)
        except ValidationError:  # cut short by a killed process, or of a newer version
            continue


def _end_the_last_line(path: Path) -> None:
    """A process that was killed may have left half a line; the next one must not go on in it."""
    if path.exists() and path.stat().st_size:
        with path.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
