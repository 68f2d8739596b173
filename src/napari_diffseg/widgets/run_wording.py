"""A training run as a person reads of it."""

from __future__ import annotations

import time

from napari_diffseg.training.control import Request
from napari_diffseg.training.status import State, Status
from napari_diffseg.widgets.following import Seen
from napari_diffseg.widgets.wording import duration, memory

_STATES: dict[State, str] = {
    "preparing": "preparing",
    "running": "running",
    "paused": "paused",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "lost": "broken off",
}
ASKED: dict[Request, str] = {
    "pause": "Asked to pause; it does after the step that is being computed.",
    "resume": "Asked to go on.",
    "stop": "Asked to stop; it saves and ends after the step that is being computed.",
    "finish-epoch": "Asked to stop after this epoch.",
}


def state_in_words(status: Status | None, *, starting: bool) -> str:
    """A run's state in a word or two.

    Args:
        status: None when its process has not spoken yet.
        starting: its process was started and has not spoken yet; the status is of the one before.
    """
    if starting:
        return "starting"
    return "not started" if status is None else _STATES[status.state]


def date(seconds: float) -> str:
    """For example "21 Nov 21:40", with the year where it is another than this one.

    Args:
        seconds: since 1970.
    """
    when, now = time.localtime(seconds), time.localtime()
    return time.strftime("%d %b %H:%M" if when.tm_year == now.tm_year else "%d %b %Y", when)


def progress(run: Seen, *, starting: bool) -> str:
    """How far a run is and what it takes, or how it ended, in a line or two."""
    status = run.summary.status
    state = state_in_words(status, starting=starting)
    match state:
        case "starting" | "not started":
            return f"{state.capitalize()}." if state == "not started" else "Starting its process…"
        case "preparing":
            cases = f": {run.prepared.done} of {run.prepared.cases}" if run.prepared else ""
            return f"Preparing cases{cases}…"
    assert status is not None
    if state == "running":
        return " · ".join(_parts(run, status))
    if state == "failed":
        return status.sentence or f"Failed after step {status.step}. The log says why."
    return _ENDINGS[state].format(step=status.step)


_ENDINGS = {
    "paused": "Paused after step {step}.",
    "finished": "Finished: {step} steps.",
    "stopped": "Stopped after step {step}. Resume goes on from there.",
    "broken off": "Broken off after step {step}: its process is gone. Resume goes on from what it saved.",
}


def _parts(run: Seen, status: Status) -> list[str]:
    device = run.started.device if run.started else ""
    parts = [f"Running on {device.upper()}" if device else "Running", f"step {status.step} of {status.steps}"]
    if run.step_s is not None:
        parts.append(f"{run.step_s:.2g} s a step")
    if status.seconds_left is not None:
        parts.append(f"about {duration(status.seconds_left)} left")
    if status.memory_bytes is not None:
        parts.append(f"{memory(status.memory_bytes / 2**30)} of GPU memory")
    return parts
