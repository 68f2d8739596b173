"""What happened in a training run, as a person reads it."""

from __future__ import annotations

import time

from pydantic import TypeAdapter, ValidationError

from napari_diffseg.training.events import (
    Answered,
    Ended,
    Event,
    Prepared,
    Saved,
    Started,
    Stepped,
    Validated,
    Warned,
)

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
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


def metric_in_words(name: str) -> str:
    """For example "HD95 (mm)", or "Dice, anterior" for one class."""
    metric, comma, of_class = name.partition(", ")
    return f"{_METRICS.get(metric, metric)}{comma}{of_class}"


def deciding(event: Validated) -> tuple[str, float | None]:
    """Name and value of the metric that selects the best weights."""
    name = "ged" if "GED" in event.selected_by else "dice"
    return name, event.metrics.get(name)


def value_in_words(value: float | None) -> str:
    """Three digits after the point."""
    return "undefined" if value is None else f"{value:.3f}"


def log_in_words(line: str) -> str:
    """A line of a run's log: an event with its time where it holds one, otherwise as it is."""
    _, brace, rest = line.partition("{")
    try:
        event = _EVENT.validate_json(brace + rest)
    except ValidationError:
        return line
    return f"{time.strftime('%H:%M:%S', time.localtime(event.time))} {_event_in_words(event)}"


def _event_in_words(event: Event) -> str:
    match event:
        case Prepared():
            return f"Prepared {event.done} of {event.cases} cases."
        case Started():
            return (
                f"Training from step {event.step} on {event.device.upper()}, {event.parameters:,} parameters."
            )
        case Stepped():
            return f"Step {event.step}: loss {event.loss:.4g}."
        case Validated():
            name, value = deciding(event)
            best = ", the best so far" if event.best else ""
            return f"Validated at step {event.step}: {metric_in_words(name)} {value_in_words(value)}{best}."
        case Saved():
            return f"Saved at step {event.step}."
        case Warned():
            return event.sentence
        case Answered():
            return f"Heard “{event.request}” after step {event.step}."
        case Ended():
            return event.sentence or f"{event.state.capitalize()} after step {event.step}."
