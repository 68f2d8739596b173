"""Numbers as a person reads them in a dock."""

from __future__ import annotations

from pathlib import Path

from napari_diffseg.results.events import Finished, Plan


def duration(seconds: float) -> str:
    """For example "12 s", "3 min" or "1 h 10 min"; never "0 s"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min"


def memory(gib: float) -> str:
    """For example "320 MB" or "2.4 GB"."""
    gigabytes = gib * 2**30 / 1e9
    return f"{gigabytes * 1000:.0f} MB" if gigabytes < 0.995 else f"{gigabytes:.1f} GB"


def volume(mean_ml: float, sd_ml: float | None) -> str:
    """For example "1.52 ± 0.04 ml"."""
    return f"{mean_ml:.2f} ml" if sd_ml is None else f"{mean_ml:.2f} ± {sd_ml:.2f} ml"


def expectation(plan: Plan, seconds: float | None) -> str:
    """For example "5 members × 5 steps on CPU (bf16) · needs 640 MB of 12.3 GB free · about 40 s"."""
    slices = "" if plan.slice_axis is None else f" × {count(plan.slices, 'slice')}"
    drawn = f"{count(plan.members, 'member')}{slices} × {count(plan.steps, 'step')}"
    where = f"{plan.device.split(':')[0].upper()} ({plan.precision})"
    needed = f"needs {memory(plan.needed_gib)} of {memory(plan.free_gib)} free"
    time = "time known after the first step" if seconds is None else f"about {duration(seconds)}"
    return f"{drawn} on {where} · {needed} · {time}"


def too_large(plan: Plan) -> str:
    """Why a plan does not fit, and the box that would."""
    return (
        f"The region needs about {memory(plan.needed_gib)} of memory and {memory(plan.free_gib)} is free. "
        f"Choose a box of at most about {plan.fitting_box_mm or 0:.0f} mm a side."
    )


def ending(event: Finished) -> str:
    """How a run ended."""
    result = event.result
    if not event.cancelled:
        return f"Done in {duration(result.provenance.duration_s)}."
    return f"Cancelled: {len(result.members)} of {result.options.members} members are kept."


def count(number: int, what: str) -> str:
    """For example "1 slice" or "32 slices"."""
    return f"{number} {what}{'s' * (number != 1)}"


def place(path: Path) -> str:
    """For example "~/data/hippocampus"; in full where it is not the person's own folder."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)
