"""The lesions of an open read: each change is on the disk before it counts. Thread-safe."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.document import read_document, write_document
from napari_diffseg.raters.lesion import (
    FIRST_POINT,
    LESIONS,
    Lesion,
    LesionDocument,
    check_lesions,
    next_number,
)
from napari_diffseg.raters.project_document import ProjectDocument
from napari_diffseg.raters.put_aside import PutAside
from napari_diffseg.volume.grid import Shape

_ADVICE = "Put it back from a backup, or move the session's folder elsewhere and begin a new one."


def read_lesions(folder: Path) -> tuple[Lesion, ...]:
    """The lesions in a session's folder, removed ones among them.

    Raises:
        RaterProjectError: lesions.json is missing, damaged or of a newer format.
    """
    return read_document(folder / LESIONS, LesionDocument, _ADVICE).lesions


class LesionList:
    """The lesions of an open read.

    Args:
        folder: of the session.
        project: whose form and classes they fit.
        shape: of the scan.

    Raises:
        RaterProjectError: lesions.json is damaged, or does not fit.
    """

    def __init__(self, folder: Path, project: ProjectDocument, shape: Shape) -> None:
        self._path, self._form, self._classes, self._shape = (
            folder / LESIONS,
            project.form,
            len(project.labels),
            shape,
        )
        self._guard = threading.RLock()
        lesions = read_lesions(folder)
        self._check(lesions)
        self._lesions = {lesion.number: lesion for lesion in lesions}

    def counting(self) -> tuple[Lesion, ...]:
        """Those that were not removed, by number."""
        return tuple(lesion for _, lesion in sorted(self._lesions.items()) if lesion.removed is None)

    def removed(self) -> tuple[Lesion, ...]:
        """Those that were removed and can come back, by number."""
        return tuple(lesion for _, lesion in sorted(self._lesions.items()) if lesion.removed is not None)

    def get(self, number: int) -> Lesion:
        """The lesion of this number, removed or not.

        Raises:
            RaterProjectError: there is none.
        """
        try:
            return self._lesions[number]
        except KeyError:
            raise RaterProjectError(
                f"There is no lesion {number} in this read. Choose another one."
            ) from None

    def add(self, kind: str, label: int, voxel: Shape | None) -> Lesion:
        """A new lesion, with the next number.

        Raises:
            RaterProjectError: it does not fit project or scan, no number is left, or it cannot be saved.
        """
        owns = self._form.kind(kind).owns
        with self._guard:
            number = next_number(self._lesions.values(), owns=owns, classes=self._classes)
            lesion = Lesion(number=number, kind=kind, label=label, voxel=voxel)
            self._save([lesion])
        return lesion

    def change(self, lesion: Lesion) -> None:
        """Put a lesion in the place of the one with its number.

        Raises:
            RaterProjectError: there is none, it does not fit the project or the scan, or it cannot be saved.
        """
        with self._guard:
            self.get(lesion.number)
            self._save([lesion])

    def remove(self, number: int, voxels: PutAside) -> None:
        """Let a lesion count no longer."""
        self.change(self.get(number).model_copy(update={"removed": voxels}))

    def restore(self, number: int) -> None:
        """Let a removed lesion count again."""
        self.change(self.get(number).model_copy(update={"removed": None}))

    def adopt(self, values: Iterable[int]) -> None:
        """Have a lesion for each value that was drawn: a new one, or a removed one that came back.

        Args:
            values: that occur in the mask; classes and the background are among them.
        """
        with self._guard:
            drawn = (value for value in values if self._classes < value < FIRST_POINT)
            lesions = [self._lesions.get(value) or self._painted(value) for value in drawn]
            back = [
                lesion.model_copy(update={"removed": None})
                for lesion in lesions
                if lesion.removed is not None or lesion.number not in self._lesions
            ]
            if back:
                self._save(back)

    def _painted(self, number: int) -> Lesion:
        return Lesion(number=number, kind=self._form.painted.name)

    def _save(self, changed: Iterable[Lesion]) -> None:
        lesions = self._lesions | {lesion.number: lesion for lesion in changed}
        self._check(lesions.values())
        write_document(self._path, LesionDocument(lesions=tuple(lesions.values())))
        self._lesions = lesions

    def _check(self, lesions: Iterable[Lesion]) -> None:
        check_lesions(lesions, self._form, self._classes, self._shape)
