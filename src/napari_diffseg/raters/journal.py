"""What was drawn since mask.nii.gz was written, record by record, each on the disk before it counts.

A record holds the new values of one box of voxels, so strokes, fills, undo and redo are one and the same
thing here. Applying the records once more, in order, changes nothing: when a kill comes between writing
mask.nii.gz anew and beginning the journal again, the old journal does no harm.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from napari_diffseg.errors import DiffSegError, RaterProjectError
from napari_diffseg.raters.boxes import changed_box
from napari_diffseg.raters.journal_file import HEADER_BYTES, add, begin, content_of, is_header
from napari_diffseg.raters.journal_record import Change, changes, packed
from napari_diffseg.volume.grid import Box, Shape
from napari_diffseg.volume.wording import times

_LARGEST = 2**22
"""Bytes of a journal after which the mask is written and the journal begins again."""

Save = Callable[[UInt8[np.ndarray, "D H W"]], None]


class Journal:
    """The mask of an open read: in memory, and on the disk whatever happens. Thread-safe.

    Args:
        path: of the journal.
        mask: as mask.nii.gz has it; the journal's changes are applied to it. It is the journal's own from
            then on.
        save: writes a mask to mask.nii.gz, there whole or not at all.

    Raises:
        RaterProjectError: the journal cannot be read or written, is of a newer format or of another scan.
    """

    def __init__(self, path: Path, mask: UInt8[np.ndarray, "D H W"], save: Save) -> None:
        self.note = ""
        """What was left out of a damaged journal, in a sentence; empty when nothing was."""
        self._path, self._mask, self._save, self._largest = path, mask, save, _LARGEST
        self._guard = threading.Lock()
        self._open = True
        self._number, self._end = 0, HEADER_BYTES
        self._replay(content_of(path))
        if self.note:
            self._begin_again()

    def record(self, data: UInt8[np.ndarray, "D H W"], *, box: Box | None = None) -> Box | None:
        """Save what differs from the last call; it is on the disk when this returns.

        Args:
            data: the whole mask as it is now. Another thread may go on painting in it: what comes too late
                for this call is found by the next one.
            box: where alone it may differ, as far as the caller knows.

        Returns:
            The smallest box around what changed; None when nothing did.

        Raises:
            RaterProjectError: the mask is of another shape, the journal is closed, or it cannot be written;
                the next call finds the change again then.
        """
        with self._guard:
            self._check(data)
            changed = changed_box(self._mask, data, box)
            if changed is None:
                return None
            values = data[changed.slices].copy()
            self._append(Change(self._number + 1, changed, values))
            self._mask[changed.slices] = values
            if self._end > self._largest:
                self._shorten()
            return changed

    def mask(self) -> UInt8[np.ndarray, "D H W"]:
        """A copy of what is recorded."""
        with self._guard:
            return self._mask.copy()

    def part(self, box: Box) -> UInt8[np.ndarray, "d h w"]:
        """A copy of what is recorded in a box."""
        with self._guard:
            return self._mask[box.slices].copy()

    def save(self) -> None:
        """Write the mask anew.

        Raises:
            DiffSegError: it could not be written; nothing is lost then.
        """
        with self._guard:
            self._save(self._mask)

    def close(self) -> None:
        """Nothing can be recorded after this; what was recorded is there the next time."""
        with self._guard:
            self._open = False

    def _check(self, data: UInt8[np.ndarray, "D H W"]) -> None:
        if not self._open:
            raise RaterProjectError("This read is finished or closed. Open it again to draw in it.")
        if data.shape != self._mask.shape:
            raise RaterProjectError(
                f"A mask of {times(data.shape)} voxels cannot be saved in a read of "
                f"{times(self._mask.shape)} voxels. Draw in the mask that the read was opened with."
            )

    def _append(self, change: Change) -> None:
        content = packed(change)
        add(self._path, content, at=self._end)
        self._number, self._end = change.number, self._end + len(content)

    def _shorten(self) -> None:
        """The change itself is safe: where there is no room for a new mask, the journal grows on."""
        try:
            self._begin_again()
        except DiffSegError:
            self._largest = 2 * self._end

    def _begin_again(self) -> None:
        self._save(self._mask)
        begin(self._path, _shape(self._mask))
        self._number, self._end = 0, HEADER_BYTES

    def _replay(self, content: bytes) -> None:
        shape = _shape(self._mask)
        if not is_header(self._path, content, shape):
            self.note = (
                "The journal of this read was damaged, so what was drawn last is missing. Look it over."
            )
            return
        whole = True
        for change in changes(content, HEADER_BYTES, shape):
            whole &= change is not None and change.number == self._number + 1
            if change is not None:
                self._mask[change.box.slices] = change.values
                self._number = change.number
        self._end = len(content)
        if not whole:
            self.note = (
                "A part of this read's journal was cut short or damaged and was left out. Look over what was "
                "drawn last."
            )


def _shape(mask: UInt8[np.ndarray, "D H W"]) -> Shape:
    d, h, w = mask.shape
    return d, h, w
