"""A data set as a person reads of it."""

from __future__ import annotations

from collections.abc import Sequence

from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.inspection import Inspection, Interval
from napari_diffseg.widgets.wording import count

_MOST_NAMES = 6


def summary(dataset: Dataset, inspection: Inspection | None) -> str:
    """Layout, cases, patients, channels, raters, sizes; what only reading the cases tells comes later."""
    patients = len({case.patient for case in dataset.cases})
    kind = " ".join(filter(None, [f"{dataset.dimensions}D", dataset.modality]))
    channels = f"{count(len(dataset.channels), 'channel')} ({_listed(dataset.channels)})"
    masks, sizes = _measured(inspection) if inspection is not None else ("", "")
    lines = (
        (dataset.layout, kind),
        (count(len(dataset.cases), "case"), count(patients, "patient"), channels, masks),
        (sizes,),
    )
    return "\n".join(text for line in lines if (text := " · ".join(filter(None, line))))


def problems(found: Sequence[Problem]) -> str:
    """Each bad case and why, a line each."""
    return "\n".join(f"{problem.case}: {problem.sentence}" for problem in found)


def _measured(inspection: Inspection) -> tuple[str, str]:
    """Raters, and sizes in voxels and millimetres; empty before a case was read."""
    raters = sorted(inspection.raters)
    if not raters:
        return "", ""
    shapes, spacings = inspection.shapes, inspection.spacings_mm
    if inspection.dataset.dimensions == 2:
        shapes, spacings = shapes[1:], spacings[1:]
    voxels = " × ".join(map(_interval, shapes))
    edges = [spacings[0]] if len(set(spacings)) == 1 else spacings
    what = "pixels" if inspection.dataset.dimensions == 2 else "voxels"
    masks = f"{_interval((raters[0], raters[-1]))} {'rater' if raters == [1] else 'raters'}"
    return masks, f"{voxels} {what} of {' × '.join(map(_interval, edges))} mm"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _interval(interval: Interval | tuple[int, int]) -> str:
    low, high = interval
    return f"{low:.4g}" if low == high else f"{low:.4g}–{high:.4g}"
