"""An open read: what a rater draws and says, saved as it is drawn."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import UInt8

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.nifti import write_volume
from napari_diffseg.raters import paths
from napari_diffseg.raters.document import write_document
from napari_diffseg.raters.journal import Journal
from napari_diffseg.raters.journal_file import JOURNAL
from napari_diffseg.raters.lesion import FIRST_POINT, Lesion, lesion_mask, values_of
from napari_diffseg.raters.lesion_list import LesionList
from napari_diffseg.raters.lock import Lock
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.put_aside import put_aside, voxels_of
from napari_diffseg.raters.read_record import READ, ReadRecord, StartedFrom, now, versions
from napari_diffseg.raters.session import MASK, checksums, mark_finished, mask_on
from napari_diffseg.volume import Box, Scan
from napari_diffseg.volume.grid import Shape

_SAVE_S = 5.0


class Read:
    """One open session of one rater; `opening.open_read` makes it. Leaving it as a context closes it.

    The caller paints in an array of its own, which began as `mask()`, and hands it to `record` after each
    stroke, undo or redo: from any thread, while painting goes on.

    Args:
        project: it belongs to.
        record: of the session.
        scan: the case's.

    Raises:
        RaterProjectError: it is open elsewhere, or a file of it is damaged beyond the journal's end.
    """

    def __init__(self, project: Project, record: ReadRecord, scan: Scan) -> None:
        self.project, self.scan = project, scan
        self._facts = record.model_copy(update={"versions": versions()})
        self._folder = paths.session_folder(project.root, record.case, record.rater, record.session)
        self._drawing, self._writing = threading.RLock(), threading.RLock()
        self._drawn: set[int] = set()
        """Values whose lesions are still to be adopted: the disk may refuse that after the stroke itself."""
        self._written = time.monotonic()
        self._lock = Lock(self._folder)
        try:
            mask = mask_on(scan, self._folder / MASK)
            self._lesions = LesionList(self._folder, project.document, scan.grid.shape)
            self._journal = Journal(self._folder / JOURNAL, mask, self._save_mask)
            self._lesions.adopt(values_of(self._journal.mask()))
        except BaseException:
            self._lock.release()
            raise
        self._editable = True

    @property
    def facts(self) -> ReadRecord:
        """What is known of the session, as it stands."""
        return self._facts

    @property
    def editable(self) -> bool:
        """Whether anything can be recorded: not once it is finished, closed, or taken over elsewhere."""
        return self._editable

    @property
    def note(self) -> str:
        """What a person should hear about how it was opened; empty where all was well."""
        return self._journal.note

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        """Those that count, by number."""
        return self._lesions.counting()

    @property
    def removed_lesions(self) -> tuple[Lesion, ...]:
        """Those that were removed and can come back, by number."""
        return self._lesions.removed()

    @property
    def may_start_from_member(self) -> bool:
        """Whether the protocol lets a model's answer be a start now."""
        return self._facts.phase == "unblinded" or self.project.document.protocol.allow_start_from_member

    def mask(self) -> UInt8[np.ndarray, "D H W"]:
        """A copy of what is recorded, in C order, for the caller to paint in; values as in lesion.py."""
        return self._journal.mask()

    def record(self, data: UInt8[np.ndarray, "D H W"], *, box: Box | None = None) -> Box | None:
        """Save what differs from the last call: strokes, fills, undo and redo alike.

        A value above the classes that no lesion has makes a new lesion, and that of a removed one brings it
        back, so look at `lesions` again when something changed.

        Args:
            data: the whole mask as it is now.
            box: where alone it may differ, as far as the caller knows.

        Returns:
            The box of what changed; None when nothing did. It is on the disk.

        Raises:
            RaterProjectError: nothing can be recorded any more, or not now; the next call tries again.
        """
        with self._drawing:
            self._renew()
            changed = self._journal.record(data, box=box)
            if changed is not None:
                self._drawn |= values_of(self._journal.part(changed))
            self._lesions.adopt(self._drawn)
            self._drawn = set()
            return changed

    def add_lesion(self, kind: str, *, label: int = 1, voxel: Shape | None = None) -> Lesion:
        """A new lesion: paint with its number, or give the voxel of a point.

        Raises:
            RaterProjectError: it does not fit the project or the scan, or cannot be saved.
        """
        self._require_editable()
        return self._lesions.add(kind, label, voxel)

    def change_lesion(self, lesion: Lesion) -> None:
        """Put a lesion in the place of the one with its number: ratings, note, class, voxel.

        Raises:
            RaterProjectError: there is none, it does not fit the project or the scan, or cannot be saved.
        """
        self._require_editable()
        self._lesions.change(lesion)

    def remove_lesion(self, number: int, data: UInt8[np.ndarray, "D H W"]) -> None:
        """Take a lesion out, with its voxels.

        Args:
            number: of the lesion.
            data: the whole mask as it is now; the voxels are erased in it.

        Raises:
            RaterProjectError: there is none, or it cannot be saved.
        """
        with self._drawing:
            self.record(data)
            voxels = lesion_mask(data, self._lesions.get(number))
            self._lesions.remove(number, put_aside(voxels))
            data[voxels] = 0
            self.record(data)

    def restore_lesion(self, number: int, data: UInt8[np.ndarray, "D H W"]) -> None:
        """Bring a removed lesion back, with its voxels where nothing else was drawn since.

        Args:
            number: of the lesion.
            data: the whole mask as it is now; the voxels are drawn in it.

        Raises:
            RaterProjectError: there is none, its voxels are damaged, or it cannot be saved.
        """
        with self._drawing:
            removed = self._lesions.get(number).removed
            if removed is not None and removed.box is not None:
                voxels = voxels_of(removed, self.scan.grid.shape)
                part = data[removed.box.slices]
                part[voxels & (part == 0)] = number
            self.record(data)
            self._lesions.restore(number)

    def start_from_member(self, data: UInt8[np.ndarray, "D H W"], source: StartedFrom) -> None:
        """Save a mask that holds a model's answer as a start, and that it does.

        Args:
            data: the whole mask as it is now.
            source: which answer.

        Raises:
            RaterProjectError: the protocol forbids it, or it cannot be saved.
        """
        if not self.may_start_from_member:
            raise RaterProjectError(
                "The protocol does not let a model's answer be a start before the read is unblinded. "
                "Draw the lesion yourself."
            )
        with self._drawing:
            self._renew()
            self._say(started_from=(*self._facts.started_from, source))
            self.record(data)

    def beat(self, active_seconds: float = 0.0) -> None:
        """Keep the read: called every second or so while it is open.

        Args:
            active_seconds: of work since the last call.

        Raises:
            RaterProjectError: the read was opened elsewhere meanwhile, or its folder cannot be written to.
        """
        with self._writing:
            self._require_editable()
            seconds = self._facts.active_seconds + active_seconds
            self._facts = self._facts.model_copy(update={"active_seconds": seconds})
            self._renew()
            if time.monotonic() - self._written > _SAVE_S:
                self._say()

    def concerns(self) -> tuple[str, ...]:
        """What may have been forgotten, a sentence each: to be shown before the read is finished."""
        drawn = values_of(self._journal.mask())
        found = []
        for lesion in self.lesions:
            if lesion.number < FIRST_POINT and lesion.number not in drawn:
                found.append(f"Lesion {lesion.number} has no voxel.")
            missing = self.project.document.form.missing(lesion.kind, lesion.ratings)
            if missing:
                titles = ", ".join(field.title for field in missing)
                found.append(f"Lesion {lesion.number} is not rated for {titles}.")
        return tuple(found)

    def finish(self, data: UInt8[np.ndarray, "D H W"]) -> ReadRecord:
        """Freeze the read: nothing of it is ever written again. Opening the case again begins a new session.

        Args:
            data: the whole mask as it is now.

        Returns:
            The record as it stays.

        Raises:
            RaterProjectError: something could not be written; the read stays open then.
        """
        with self._drawing, self._writing:
            self.record(data)
            self._lesions.adopt(values_of(data))
            self._journal.save()
            moment = now()
            self._say(status="finished", finished=moment, checksums=checksums(self._folder))
            self._editable = False
            self._journal.close()
            try:
                mark_finished(self.project, self._facts)
                (self._folder / JOURNAL).unlink(missing_ok=True)
            finally:
                self._lock.release()
        return self._facts

    def close(self) -> None:
        """Leave the read open for the next time. What was not recorded before is lost."""
        with self._drawing, self._writing:
            if not self._editable:
                return
            self._editable = False
            self._journal.close()
            try:
                self._say()
            finally:
                self._lock.release()

    def __enter__(self) -> Read:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _save_mask(self, mask: UInt8[np.ndarray, "D H W"]) -> None:
        write_volume(self._folder / MASK, mask, self.scan.origin, self.scan.grid)

    def _say(self, **changed: Any) -> None:
        with self._writing:
            facts = self._facts.model_copy(update={"saved": now(), **changed})
            write_document(self._folder / READ, facts)
            self._facts, self._written = facts, time.monotonic()

    def _renew(self) -> None:
        self._require_editable()
        try:
            self._lock.beat()
        except RaterProjectError:
            self._editable = self._lock.ours()
            raise

    def _require_editable(self) -> None:
        if not self._editable:
            raise RaterProjectError("This read is finished or closed. Open it again to go on.")
