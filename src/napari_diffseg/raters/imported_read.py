"""Reads that were made elsewhere, as finished sessions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt8

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.document import made
from napari_diffseg.raters.lesion import Lesion, check_lesions, class_map
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.read_record import Phase, ReadRecord, next_session, now, versions
from napari_diffseg.raters.session import mark_finished, write_session
from napari_diffseg.volume import Scan
from napari_diffseg.volume.wording import times


def import_read(
    project: Project,
    case: str,
    rater: str,
    mask: UInt8[np.ndarray, "D H W"],
    lesions: Iterable[Lesion] = (),
    *,
    scan: Scan | None = None,
    phase: Phase = "unblinded",
    note: str = "",
) -> ReadRecord:
    """Add a read that was made elsewhere.

    Args:
        project: that it is added to.
        case: that it is of.
        rater: whose it is, of the project.
        mask: in display order; values as in lesion.py.
        lesions: that the mask's values belong to, and points.
        scan: the case's, where it was read already.
        phase: whether its rater had seen others' reads.
        note: what everybody who uses it should know.

    Raises:
        RaterProjectError: there is no such case or rater, mask or lesions do not fit, or cannot be written.
        ScanError: the case's image cannot be read.
    """
    project.require_rater(case, rater)
    scan = scan or project.scan(case)
    if mask.shape != scan.grid.shape:
        raise RaterProjectError(
            f"The mask of {rater} has {times(mask.shape)} voxels, and {case} has {times(scan.grid.shape)}. "
            "Bring it onto the scan's grid first."
        )
    marked, classes = tuple(lesions), len(project.document.labels)
    check_lesions(marked, project.document.form, classes, scan.grid.shape)
    class_map(mask, marked, classes)  # refuses values of no lesion
    moment = now()
    content = {
        "case": case,
        "rater": rater,
        "session": next_session(project, case, rater),
        "status": "finished",
        "phase": phase,
        "kind": "imported",
        "started": moment,
        "saved": moment,
        "finished": moment,
        "versions": versions(),
        "note": note,
    }
    record = made(ReadRecord, f"The read of {rater}", content)
    record = write_session(project, record, mask, marked, scan)
    mark_finished(project, record)
    return record
