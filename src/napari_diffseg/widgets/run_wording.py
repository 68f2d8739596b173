"""A training run as a person reads of it."""

from __future__ import annotations

from napari_diffseg.training.control import Request
from napari_diffseg.training.events import Validated
from napari_diffseg.training.status import ALIVE, State, Status
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
_METRICS = {
    "dice": "Dice",
    "hd95_mm": "HD95 (mm)",
    "nsd_1mm": "NSD at 1 mm",
    "centroid_distance_mm": "Centroid distance (mm)",
    "first_member_dice": "Dice of the first member",
    "member_disagreement": "Disagreement of members",
    "ged": "GED",
    "ged_unbiased": "GED, unbiased",
    "matched_iou": "Matched IoU",
    "pairwise_dice": "Dice, each member and rater",
}


ASKED: dict[Request, str] = {
    "pause": "Asked to pause; it does after the step that is being computed.",
    "resume": "Asked to go on.",
    "stop": "Asked to stop; it saves and ends after the step that is being computed.",
    "finish-epoch": "Asked to stop after this epoch.",
}


def metric_in_words(name: str) -> str:
    """For example "HD95 (mm)", or "Dice, anterior" for one class."""
    metric, comma, of_class = name.partition(", ")
    return f"{_METRICS.get(metric, metric)}{comma}{of_class}"


def state_in_words(status: Status | None, *, starting: bool) -> str:
    """A run's state in a word or two.

    Args:
        status: None when its process has not spoken yet.
        starting: its process was started and is still there.
    """
    if starting and (status is None or status.state not in ALIVE):
        return "starting"
    return "not started" if status is None else _STATES[status.state]


def deciding(event: Validated) -> tuple[str, float | None]:
    """Name and value of the metric that selects the best weights."""
    name = "ged" if "GED" in event.selected_by else "dice"
    return name, event.metrics.get(name)


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
