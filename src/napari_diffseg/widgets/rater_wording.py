"""Rater projects as a person reads them in the dock."""

from __future__ import annotations

from datetime import datetime

from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.overview import Row
from napari_diffseg.raters.rating_form import RatingForm
from napari_diffseg.raters.read_record import Phase, ReadRecord
from napari_diffseg.widgets.wording import count

PHASES: dict[Phase, str] = {
    "blinded": "Blinded: the other readers' work is not loaded.",
    "unblinded": "Unblinded: every reader has finished, and this session says that you could see the others.",
}

_STATES = {"not begun": "to do", "open": "begun", "finished": "finished"}


def clock(seconds: float) -> str:
    """For example "0:07", "12:30" or "1:02:30"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def time_of_day(seconds: float) -> str:
    """When something was, here, for example "12:03:05"."""
    return f"{datetime.fromtimestamp(seconds).astimezone():%H:%M:%S}"


def size(voxels: int, voxel_ml: float) -> str:
    """A volume, for example "1.52 ml" or "0.014 ml"; a dash where there is none."""
    return f"{millilitres(voxels * voxel_ml)} ml" if voxels else "–"


def millilitres(value: float) -> str:
    """A volume, with three digits below 1 ml."""
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def rated(lesion: Lesion, form: RatingForm) -> str:
    """How many questions are answered, for example "7 of 9"; empty where none is asked."""
    if not form.fields or not form.kind(lesion.kind).rated:
        return ""
    return f"{len(form.fields) - len(form.missing(lesion.kind, lesion.ratings))} of {len(form.fields)}"


def state(row: Row) -> str:
    """How the rater's own read of a case stands, for example "finished · session 2"."""
    again = f" · session {row.sessions}" if (row.sessions or 0) > 1 else ""
    return f"{_STATES[row.state]}{again}"


def progress(row: Row) -> str:
    """How much there is of it, for example "1 lesion · 12:30"; empty where it was not begun."""
    if row.state == "not begun":
        return ""
    return f"{count(row.lesions or 0, 'lesion')} · {clock(row.active_seconds or 0.0)}"


def finished_when(record: ReadRecord) -> str:
    """What is said of a session that can only be looked at."""
    moment = (record.finished or record.saved).astimezone()
    return f"You finished this on {moment:%d %B %Y, %H:%M}. Reading it again begins a new session."
