"""A training run as a person reads of it."""

from __future__ import annotations

import time

from napari_diffseg.training.control import Request
from napari_diffseg.training.status import ALIVE, State, Status
from napari_diffseg.widgets.training.following import GOING_ON, Seen, Standing
from napari_diffseg.widgets.wording import duration, memory

_STATES: dict[Standing, str] = {
    "preparing": "preparing",
    "running": "running",
    "paused": "paused",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "lost": "broken off",
    "comparing": "comparing",
}
_UNBROKEN = "\N{NO-BREAK SPACE}"

ASKED: dict[Request, str] = {
    "pause": "Asked to pause; it does after the step that is being computed.",
    "resume": "Asked to go on.",
    "stop": "Asked to stop; it saves and ends after the step that is being computed.",
    "finish-epoch": "Asked to stop after this epoch.",
}


def state_in_words(run: Seen, *, starting: bool) -> str:
    """A run's state in a word or two, "comparing" for all that comes after it.

    Args:
        run: as it stands.
        starting: its process was started and has not spoken yet; what is known is of the one before.
    """
    if starting:
        return "starting"
    if run.standing is None:
        return "not started"
    return "comparing" if run.is_followed and run.standing in GOING_ON else _STATES[run.standing]


def steps_in_words(run: Seen) -> str:
    """For example "12 of 3000", of the run or of its control; empty before its process has spoken."""
    status = run.part.summary.status
    return f"{status.step} of {run.part.summary.config.train.steps}" if status is not None else ""


def date(seconds: float) -> str:
    """For example "21 Nov 21:40", with the year where it is another than this one.

    Args:
        seconds: since 1970.
    """
    when, now = time.localtime(seconds), time.localtime()
    return time.strftime("%d %b %H:%M" if when.tm_year == now.tm_year else "%d %b %Y", when)


def progress(run: Seen, *, starting: bool) -> str:
    """How far a run is and what it takes, or how it ended and what follows it, in a line or two."""
    if starting:
        return "Starting its process…"
    if not run.is_followed:
        return _of_one(run)
    if run.standing == "comparing":
        return "Trained with and without diffusion. Segmenting the validation part with both…"
    if run.standing == "finished":
        return "Finished, with diffusion and without."
    return f"Trained with diffusion. Without it:\n{_of_control(run)}"


def _of_control(run: Seen) -> str:
    """What comes after a finished run, as long as the two are not compared."""
    state = run.control.standing if run.control is not None else None
    if run.control is not None and state in ALIVE:
        return _of_one(run.control)
    if run.standing == "preparing":
        return "Preparing…"
    if run.control is None or state is None:
        return "Not begun. Resume begins it."
    if state == "finished":
        return "Trained, and not compared yet. Resume goes on with that."
    return _of_one(run.control)


def _of_one(run: Seen) -> str:
    """The same without what follows."""
    status = run.summary.status
    if status is None:
        return "Not started."
    if status.state == "preparing":
        cases = f": {run.prepared.done} of {run.prepared.cases}" if run.prepared else ""
        return f"Preparing cases{cases}…"
    if status.state == "running":
        return " · ".join(part.replace(" ", _UNBROKEN) for part in _parts(run, status))
    if status.state == "failed":
        return status.sentence or f"Failed after step {status.step}. The log says why."
    return _ENDINGS[status.state].format(step=status.step)


_ENDINGS: dict[State, str] = {
    "paused": "Paused after step {step}.",
    "finished": "Finished: {step} steps.",
    "stopped": "Stopped after step {step}. Resume goes on from there.",
    "lost": "Broken off after step {step}: its process is gone. Resume goes on from what it saved.",
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
