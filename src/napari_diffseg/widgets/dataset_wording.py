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
    modality = f" {dataset.modality}" if dataset.modality else ""
    kind = "images" if dataset.dimensions == 2 else "volumes"
    lines = [
        f"{dataset.layout}: {count(len(dataset.cases), 'case')} of {count(patients, 'patient')}, "
        f"{dataset.dimensions}D{modality} {kind}",
        f"{count(len(dataset.channels), 'channel')}: {_listed(dataset.channels)}",
    ]
    if inspection is not None and inspection.facts:
        lines += _measured(inspection)
    return "\n".join(lines)


def problems(found: Sequence[Problem]) -> str:
    """Each bad case and why, a line each."""
    return "\n".join(f"{problem.case}: {problem.sentence}" for problem in found)


def _measured(inspection: Inspection) -> list[str]:
    lines = []
    raters = sorted(inspection.raters)
    if raters:
        lines.append(f"{_interval((raters[0], raters[-1]))} {'rater' if raters == [1] else 'raters'} a case")
    if inspection.shapes:
        voxels = " × ".join(map(_interval, inspection.shapes))
        spacing = " × ".join(map(_interval, inspection.spacings_mm))
        lines.append(f"{voxels} voxels of {spacing} mm")
    return [" · ".join(lines)] if lines else []


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _interval(interval: Interval | tuple[int, int]) -> str:
    low, high = interval
    return f"{low:.4g}" if low == high else f"{low:.4g}–{high:.4g}"
