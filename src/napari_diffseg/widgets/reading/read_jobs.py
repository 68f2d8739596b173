"""What is done to an open read in the thread that saves it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from napari_diffseg.errors import DiffSegError
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.read import Read
from napari_diffseg.raters.voxel_counts import VoxelCounts
from napari_diffseg.volume.grid import Box

Mask = UInt8[np.ndarray, "D H W"]


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """What was saved.

    Args:
        said: lesions whose ratings or notes were.
        counts: of the mask as it is recorded.
        anything: whether there was something to save.
        answer: of the job that followed.
        error: why that was not done; what is said before is saved all the same.
    """

    said: tuple[Lesion, ...]
    counts: VoxelCounts
    anything: bool
    answer: Any = None
    error: DiffSegError | None = None


def save(
    read: Read,
    data: Mask,
    said: tuple[Lesion, ...],
    counts: VoxelCounts | None,
    job: Callable[[Mask], Any] | None,
) -> Saved:
    """Save what was drawn and said, then do a job.

    Args:
        read: open.
        data: as it is drawn in at this moment.
        said: lesions as the rater has them now.
        counts: of what was saved the last time; None where it is not certain what was.
        job: called with the data; None for none.

    Raises:
        DiffSegError: it could not be saved; the job was not begun then.
    """
    changed = read.record(data)
    if counts is None:
        counts = VoxelCounts(read.mask())
    elif changed is not None:
        counts.update(read.mask(), changed)  # and not the data, which are drawn in meanwhile
    _say(read, said)
    anything = changed is not None or bool(said)
    if job is None:
        return Saved(said, counts, anything)
    try:
        return Saved(said, counts, True, job(data))
    except DiffSegError as error:
        return Saved(said, counts, anything, error=error)


def remove(read: Read, number: int, data: Mask) -> None:
    """Take a lesion out; the window erases its voxels when it hears of it."""
    read.remove_lesion(number, data.copy())


def restore(read: Read, number: int, data: Mask) -> tuple[Box, Bool[np.ndarray, "d h w"]] | None:
    """Bring a lesion back.

    Returns:
        A box and its voxels in it, for the window to draw; None for one without voxels.
    """
    removed = next(lesion.removed for lesion in read.removed_lesions if lesion.number == number)
    copy = data.copy()
    read.restore_lesion(number, copy)
    if removed is None or removed.box is None:
        return None
    return removed.box, copy[removed.box.slices] == number


def concerns(read: Read) -> tuple[str, ...]:
    """What may have been forgotten."""
    found = read.concerns()
    nothing = not read.lesions and not read.mask().any()
    return ("Nothing is marked: the read will say that you saw nothing.",) if nothing else found


def leave(read: Read, data: Mask, said: Iterable[Lesion], worked_s: float) -> None:
    """Save what is not saved yet, and let others open the read.

    Raises:
        DiffSegError: something could not be saved; the read is left all the same.
    """
    try:
        if read.editable:
            read.record(data)
            _say(read, said)
            read.beat(worked_s)
    finally:
        read.close()


def _say(read: Read, said: Iterable[Lesion]) -> None:
    known = {lesion.number for lesion in read.lesions}
    for lesion in said:
        if lesion.number in known:  # it may have been removed since
            read.change_lesion(lesion)
