"""Finished reads, for those who may see them; and which phase a case is in.

In the blinded phase nothing that another rater wrote is opened, not even to see how far they are: an empty
file in their folder says that they have finished.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters import paths
from napari_diffseg.raters.document import shown
from napari_diffseg.raters.lesion import LESIONS, Lesion, class_map
from napari_diffseg.raters.lesion_list import read_lesions
from napari_diffseg.raters.project import Project, checksum
from napari_diffseg.raters.read_record import Phase, ReadRecord, sessions
from napari_diffseg.raters.session import MASK, read_mask
from napari_diffseg.volume import LabelMap


@dataclass(frozen=True, slots=True)
class FinishedRead:
    """One finished session.

    Args:
        record: what is known of it. Of a reader who is shown without a name it says only what they are
            shown as.
        own: whether it is by the rater who looks.
        folder: of the session.
        classes: how many the project has.
    """

    record: ReadRecord
    own: bool
    folder: Path = field(repr=False)  # which names the rater
    classes: int

    @property
    def reader(self) -> str:
        """The rater's name, or what they are shown as, for example "reader 2"."""
        return self.record.rater

    def mask(self) -> LabelMap:
        """The mask as it was drawn: classes, and lesions' numbers above them.

        Raises:
            RaterProjectError: it is missing, damaged, or was changed since.
        """
        return read_mask(self.folder / MASK, self.record.checksums.get(MASK, ""))

    def lesions(self) -> tuple[Lesion, ...]:
        """The lesions that were not removed.

        Raises:
            RaterProjectError: lesions.json is missing, damaged, or was changed since.
        """
        if checksum(self.folder / LESIONS) != self.record.checksums.get(LESIONS):
            raise RaterProjectError(
                f"{shown(self.folder / LESIONS)} was changed after the read was finished: its checksum "
                "differs. Put the original file back."
            )
        return tuple(lesion for lesion in read_lesions(self.folder) if lesion.removed is None)

    def class_mask(self) -> LabelMap:
        """The mask of classes: 0 for background, k for the project's k-th class.

        Raises:
            RaterProjectError: a file is missing, damaged, or was changed since.
        """
        drawn = self.mask()
        return replace(drawn, data=class_map(drawn.data, self.lesions(), self.classes))


def phase_of(project: Project, case: str) -> Phase:
    """Whether others' reads of a case may be seen: once every rater of it has finished a blinded one.

    Imported reads count as finished ones.

    Raises:
        RaterProjectError: there is no such case.
    """
    readers = project.raters_of(case)
    done = all(paths.finished_marker(project.root, case, rater).exists() for rater in readers)
    return "unblinded" if readers and done else "blinded"


def reads_of(project: Project, case: str, *, by: str | None) -> tuple[FinishedRead, ...]:
    """The finished sessions of a case that somebody may see.

    Args:
        project: of the case.
        case: its name.
        by: the rater who looks: all their own, and in the unblinded phase what the others finished blinded
            (or was imported), as "reader 1" to "reader n" where the protocol does not show names. What
            somebody drew after seeing the others is theirs alone. None is the project's owner, who sees
            everything, with names.

    Returns:
        In the order of the names shown, then of the sessions.

    Raises:
        RaterProjectError: there is no such case or rater, or a record is damaged.
    """
    if by is not None:
        project.require_rater(case, by)
    readers = project.raters_of(case)
    if by is not None and phase_of(project, case) == "blinded":
        readers = (by,)
    shown = {} if by is None or project.document.protocol.show_names else numbered(project, case)
    found = [
        _seen(project, record, shown.get(rater, rater) if rater != by else rater, own=rater == by)
        for rater in readers
        for record in sessions(project, case, rater)
        if record.status == "finished" and (by in (None, rater) or record.is_of_blinded_phase)
    ]
    return tuple(sorted(found, key=lambda read: (read.reader, read.record.session)))


def newest(reads: Iterable[FinishedRead]) -> tuple[FinishedRead, ...]:
    """The last session of each reader."""
    last = {read.reader: read for read in sorted(reads, key=lambda read: read.record.session)}
    return tuple(last[reader] for reader in sorted(last))


def numbered(project: Project, case: str) -> dict[str, str]:
    """What each rater of a case is shown as: fixed for a case, and no clue to who is who in the next one."""

    def shuffled(rater: str) -> bytes:
        return hashlib.sha256(f"{project.document.id}\n{case}\n{rater}".encode()).digest()

    readers = sorted(project.raters_of(case), key=shuffled)
    return {rater: f"reader {number}" for number, rater in enumerate(readers, start=1)}


def _seen(project: Project, record: ReadRecord, shown_as: str, *, own: bool) -> FinishedRead:
    folder = paths.session_folder(project.root, record.case, record.rater, record.session)
    return FinishedRead(
        record.model_copy(update={"rater": shown_as}), own, folder, len(project.document.labels)
    )
