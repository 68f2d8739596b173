"""The reads of a project that agreement, consensus, export and training take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.finished_read import FinishedRead, newest, reads_of
from napari_diffseg.raters.lesion import class_map
from napari_diffseg.raters.marks import Marks, marks_of
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.read_record import Phase
from napari_diffseg.volume.label_map import LabelMap


def counting_reads(
    project: Project, case: str, *, by: str | None = None, phase: Phase = "blinded"
) -> tuple[FinishedRead, ...]:
    """One finished read of each rater.

    Args:
        project: of the case.
        case: its name.
        by: who looks; see `finished_read.reads_of`.
        phase: "blinded" takes each rater's last opinion of their own: the newest read that they drew blinded,
            or that was imported. "unblinded" takes the newest of all.

    Raises:
        RaterProjectError: there is no such case, or a record is damaged.
    """
    own = [
        read
        for read in reads_of(project, case, by=by)
        if phase == "unblinded" or read.record.is_of_blinded_phase
    ]
    return newest(own)


def reads_in_project(
    project: Project, case: str, *, by: str | None = None, phase: Phase = "blinded"
) -> CaseReads | None:
    """What `counting_reads` drew.

    Returns:
        None where no rater has finished.

    Raises:
        RaterProjectError: there is no such case, or a file of a read is damaged or was changed.
    """
    found = counting_reads(project, case, by=by, phase=phase)
    return taken(project, case, found, [read.reader for read in found]) if found else None


def sessions_in_project(project: Project, case: str, rater: str) -> CaseReads | None:
    """All that one rater finished on a case, session by session, for agreement with oneself.

    Returns:
        None where they finished fewer than two.

    Raises:
        RaterProjectError: there is no such case or rater, or a file of a read is damaged or was changed.
    """
    found = [read for read in reads_of(project, case, by=rater) if read.own]
    if len(found) < 2:
        return None
    own = taken(project, case, found, [f"session {read.record.session}" for read in found])
    return replace(own, case=f"{case}, {rater}", patient=own.patient or case)


def taken(project: Project, case: str, found: Sequence[FinishedRead], names: Sequence[str]) -> CaseReads:
    """What some reads of a case drew.

    Args:
        project: of the case.
        case: its name.
        found: at least one.
        names: what each is called.

    Raises:
        RaterProjectError: there is no such case, or a file of a read is damaged or was changed.
    """
    drawn = [_drawn(read) for read in found]
    return CaseReads(
        case=case,
        raters=tuple(names),
        reads=tuple(mask for mask, _ in drawn),
        marks=tuple(marks for _, marks in drawn),
        patient=project.case(case).patient,
    )


def _drawn(read: FinishedRead) -> tuple[LabelMap, Marks]:
    mask, lesions = read.mask(), read.lesions()
    classes = class_map(mask.data, lesions, read.classes)
    return replace(mask, data=classes), marks_of(mask.data, lesions, classes=read.classes)
