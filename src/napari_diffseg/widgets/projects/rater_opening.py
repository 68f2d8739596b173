"""A case is opened, in a thread: its scan, and the rater's own read of it. Nobody else's file is touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event as Flag

import numpy as np
from jaxtyping import UInt8

from napari_diffseg.raters.finished_read import reads_of
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.opening import Start, open_read
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.read import Read
from napari_diffseg.raters.read_record import ReadRecord, sessions
from napari_diffseg.raters.voxel_counts import VoxelCounts
from napari_diffseg.volume import Scan


@dataclass(frozen=True, slots=True, eq=False)
class OpenCase:
    """A case and the rater's own newest session of it.

    Args:
        scan: the case's.
        record: of the session.
        mask: to draw in.
        lesions: that count.
        counts: of the mask as it was opened.
        read: None for a finished session, which can only be looked at.
    """

    scan: Scan
    record: ReadRecord
    mask: UInt8[np.ndarray, "D H W"]
    lesions: tuple[Lesion, ...]
    counts: VoxelCounts
    read: Read | None


def open_case(
    project: Project, case: str, rater: str, start: Start | None, given_up: Flag
) -> Iterator[OpenCase]:
    """Open a case for a rater.

    Args:
        project: of the case.
        case: its name.
        rater: who reads.
        start: what a new session starts from; None shows a finished one as it is.
        given_up: whoever asked is gone: the read is closed again.

    Raises:
        RaterProjectError: the read is open elsewhere, or a file is missing or damaged.
        ScanError: the case's image cannot be read.
    """
    project.require_rater(case, rater)
    scan, before = project.scan(case), sessions(project, case, rater)
    if given_up.is_set():
        return
    if start is None and before and before[-1].status == "finished":
        own = max(
            (read for read in reads_of(project, case, by=rater) if read.own),
            key=lambda read: read.record.session,
        )
        mask = own.mask().data
        yield OpenCase(scan, own.record, mask, own.lesions(), VoxelCounts(mask), None)
        return
    read = open_read(project, case, rater, scan=scan, start=start or "empty")
    try:
        mask = read.mask()
        yield OpenCase(scan, read.facts, mask, read.lesions, VoxelCounts(mask), read)
    finally:
        if given_up.is_set():
            read.close()
