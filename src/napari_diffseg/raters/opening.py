"""Opening a read: the rater's open session of a case, or a new one."""

from __future__ import annotations

from typing import Literal

import numpy as np

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.finished_read import FinishedRead, phase_of, reads_of
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.read import Read
from napari_diffseg.raters.read_record import ReadRecord, next_session, now, sessions, versions
from napari_diffseg.raters.session import mark_finished, write_session
from napari_diffseg.volume import Scan

Start = Literal["empty", "finished"]


def open_read(
    project: Project, case: str, rater: str, *, scan: Scan | None = None, start: Start = "empty"
) -> Read:
    """Go on with the rater's open session of a case, or begin a new one.

    Args:
        project: of the case.
        case: its name.
        rater: who reads.
        scan: the case's, where it was read already.
        start: what a new session starts from: nothing, or what the rater finished last.

    Raises:
        RaterProjectError: there is no such case or rater, the session is open elsewhere, there is no finished
            one to start from, or a file is damaged.
        ScanError: the case's image cannot be read.
    """
    project.require_rater(case, rater)
    scan = scan or project.scan(case)
    before = sessions(project, case, rater)
    for record in before:
        mark_finished(project, record)  # a kill may have come between
    if before and before[-1].status == "open":
        return Read(project, before[-1], scan)
    return Read(project, _begin(project, case, rater, scan, start), scan)


def _begin(project: Project, case: str, rater: str, scan: Scan, start: Start) -> ReadRecord:
    own = [read for read in reads_of(project, case, by=rater) if read.own]
    source = _last(own, case, rater) if start == "finished" else None
    record = ReadRecord(
        case=case,
        rater=rater,
        session=next_session(project, case, rater),
        phase=phase_of(project, case),
        started=(moment := now()),
        saved=moment,
        from_session=source.record.session if source else None,
        versions=versions(),
    )
    if source is None:
        return write_session(project, record, np.zeros(scan.grid.shape, dtype=np.uint8), (), scan)
    return write_session(project, record, source.mask().data, source.lesions(), scan)


def _last(own: list[FinishedRead], case: str, rater: str) -> FinishedRead:
    if not own:
        raise RaterProjectError(
            f"“{rater}” has finished no read of {case} to start from yet. Start from an empty mask."
        )
    return max(own, key=lambda read: read.record.session)
