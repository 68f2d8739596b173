"""A data set whose cases have the masks of several raters, as a rater project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from napari_diffseg.datasets.case import Case
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.raters.cases import add_rater, add_scan
from napari_diffseg.raters.imported_read import import_read
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.lidc_form import LIDC_FORM
from napari_diffseg.raters.new_folder import filled, made_in_place
from napari_diffseg.raters.project import Project, create_project, open_project
from napari_diffseg.raters.project_document import Protocol
from napari_diffseg.raters.rating_form import PLAIN_FORM
from napari_diffseg.volume import LabelMap

SLOTS_ARE_PLACES = (
    "“slot 1” is the first mask of a case in the data set. Nothing tells who drew it, so a slot is not a "
    "reader, and nothing can be said of one across cases."
)


def project_of(dataset: Dataset, out: Path) -> Project:
    """Make a project with one finished read for each mask of each case.

    Cases that cannot be read are left out, and the project's notes name them.

    Args:
        dataset: as it was opened; take `dataclasses.replace(dataset, cases=…)` for a part of it.
        out: the folder to make.

    Returns:
        The project, its raters called "slot 1", "slot 2" and so on. A mask with ratings is one lesion that
        carries them, of the form of LIDC-IDRI.

    Raises:
        RaterProjectError: no case can be read, or `out` cannot be made.
    """
    left_out = [f"{problem.case} was left out. {problem.sentence}" for problem in dataset.problems]
    with made_in_place(out) as partial:
        project = create_project(
            partial,
            title=dataset.root.name or dataset.layout,
            labels=dataset.classes,
            raters=_slots(1),
            protocol=Protocol(show_names=True),  # they are no names of people
            form=LIDC_FORM if any(case.ratings for case in dataset.cases) else PLAIN_FORM,
            notes=[
                note for note in (SLOTS_ARE_PLACES, *dataset.notes, dataset.licence, dataset.citation) if note
            ],
        )
        filled(
            project,
            dataset.cases,
            _with_case,
            left_out=left_out,
            nothing=f"{dataset.root.name} has no case that can be imported.",
            advice="Choose another data set.",
        )
    return open_project(out)


def _with_case(project: Project, case: Case) -> Project:
    found = case.read()
    slots = _slots(len(found.reads))
    for slot in slots[len(project.document.raters) :]:
        project = add_rater(project, slot)
    ratings = case.ratings or ({},) * len(found.reads)
    drawn = [_marks(mask, rated) for mask, rated in zip(found.reads, ratings, strict=True)]
    project = add_scan(project, case.name, found.scan, raters=slots, patient=case.patient)
    for slot, (mask, lesions) in zip(slots, drawn, strict=True):
        import_read(project, case.name, slot, mask.data, lesions, scan=found.scan)
    return project


def _marks(mask: LabelMap, ratings: Mapping[str, int]) -> tuple[LabelMap, tuple[Lesion, ...]]:
    """A mask of classes, or with ratings one of a single lesion."""
    data = mask.data.astype(np.uint8)
    if not ratings:
        return LabelMap(data, mask.grid), ()
    kind, number = LIDC_FORM.kinds[0].name, 2
    lesion = Lesion(number=number, kind=kind, ratings=dict(ratings))
    return LabelMap(np.where(data > 0, np.uint8(number), np.uint8(0)), mask.grid), (lesion,)


def _slots(count: int) -> tuple[str, ...]:
    return tuple(f"slot {number}" for number in range(1, count + 1))
