"""The folder of one session: written at once, and its mask read back.

mask.nii.gz     on the scan's grid; values as in lesion.py
lesions.json    the marks
read.json       what is known of the session
journal.bin     while it is open: what was drawn since mask.nii.gz was written
lock.json       while somebody has it open
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from napari_diffseg.errors import DiffSegError, RaterProjectError
from napari_diffseg.io.atomic import replacing_folder
from napari_diffseg.io.nifti import read_labels, write_volume
from napari_diffseg.raters import paths
from napari_diffseg.raters.document import shown, unsaved, write_document
from napari_diffseg.raters.journal_file import JOURNAL, begin
from napari_diffseg.raters.lesion import LESIONS, Lesion, LesionDocument
from napari_diffseg.raters.project import Project, checksum
from napari_diffseg.raters.read_record import READ, ReadRecord
from napari_diffseg.volume import LabelMap, Scan
from napari_diffseg.volume.mismatch import mismatch

MASK = "mask.nii.gz"


def write_session(
    project: Project,
    record: ReadRecord,
    mask: UInt8[np.ndarray, "D H W"],
    lesions: Iterable[Lesion],
    scan: Scan,
) -> ReadRecord:
    """Make the folder of a new session; it is there whole or not at all.

    Args:
        project: it belongs to.
        record: of the session; with status "finished" its files get their checksums.
        mask: on the scan's grid.
        lesions: that the mask's values belong to.
        scan: the case's.

    Returns:
        The record as written.

    Raises:
        RaterProjectError: it could not be written.
    """
    folder = paths.session_folder(project.root, record.case, record.rater, record.session)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with replacing_folder(folder) as partial:
            write_volume(partial / MASK, mask, scan.origin, scan.grid)
            write_document(partial / LESIONS, LesionDocument(lesions=tuple(lesions)))
            if record.status == "finished":
                record = record.model_copy(update={"checksums": checksums(partial)})
            else:
                begin(partial / JOURNAL, scan.grid.shape)
            write_document(partial / READ, record)
    except (OSError, DiffSegError) as error:
        raise unsaved(folder, error) from error
    return record


def checksums(folder: Path) -> dict[str, str]:
    """Of a session's mask and lesions, by name."""
    return {name: checksum(folder / name) for name in (MASK, LESIONS)}


def mark_finished(project: Project, record: ReadRecord) -> None:
    """Say, by an empty file, that the rater's part of the blinded phase is over, if this session ends it.

    Raises:
        RaterProjectError: it could not be written.
    """
    if record.status == "finished" and record.is_of_blinded_phase:
        path = paths.finished_marker(project.root, record.case, record.rater)
        try:
            path.touch()
        except OSError as error:
            raise unsaved(path, error) from error


def read_mask(path: Path, sha256: str = "") -> LabelMap:
    """The mask in a session's folder, in C order.

    Args:
        path: of mask.nii.gz.
        sha256: that it must have; empty for one that is still being drawn.

    Raises:
        RaterProjectError: it cannot be read, was changed, or holds values above 255.
    """
    where = shown(path)
    try:
        found = read_labels(path)
    except DiffSegError as error:
        raise RaterProjectError(f"{where} cannot be used: {error}") from error
    if sha256 and found.origin is not None and found.origin.sha256 != sha256:
        raise RaterProjectError(
            f"{where} was changed after the read was finished: its checksum differs. "
            "Put the original file back."
        )
    if found.data.dtype != np.uint8:
        raise RaterProjectError(
            f"{where} holds the value {found.data.max()}, and 255 is the greatest. "
            "Put the original file back."
        )
    return LabelMap(np.ascontiguousarray(found.data), found.grid, found.origin)


def mask_on(scan: Scan, path: Path, sha256: str = "") -> UInt8[np.ndarray, "D H W"]:
    """The mask in a session's folder, held to the scan's grid.

    Raises:
        RaterProjectError: as `read_mask`, or it does not lie on the scan.
    """
    found = read_mask(path, sha256)
    difference = mismatch(found.grid, scan.grid)
    if difference:
        raise RaterProjectError(
            f"{shown(path)} does not lie on its scan: {difference}. Put the original file back."
        )
    return found.data
