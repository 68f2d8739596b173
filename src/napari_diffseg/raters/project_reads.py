"""The reads of a project that agreement, consensus, export and training take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.finished_read import FinishedRead, newest, reads_of
from napari_diffseg.raters.marks import marks_of
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.read_record import Phase


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
        if phase == "unblinded" or read.record.phase == "blinded" or read.record.kind == "imported"
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
    return taken(case, found, [read.reader for read in found]) if found else None


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
    own = taken(case, found, [f"session {read.record.session}" for read in found])
    return replace(own, case=f"{case}, {rater}", patient=case)


def taken(case: str, found: Sequence[FinishedRead], names: Sequence[str]) -> CaseReads:
    """What some reads of a case drew.

    Args:
        case: its name.
        found: at least one.
        names: what each is called.

    Raises:
        RaterProjectError: a file of a read is damaged or was changed.
    """
    return CaseReads(
        case=case,
        raters=tuple(names),
        reads=tuple(read.class_mask() for read in found),
        marks=tuple(marks_of(read.mask().data, read.lesions(), classes=read.classes) for read in found),
    )
