"""read.json: what is known of one session of one rater on one case."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from pydantic import AwareDatetime, Field

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters import paths
from napari_diffseg.raters.document import Part, read_document, shown
from napari_diffseg.raters.project import Project
from napari_diffseg.volume.grid import Box

READ = "read.json"
Phase = Literal["blinded", "unblinded"]

_MOST_SESSIONS = 999  # three digits
_PACKAGES = ("napari-diffseg", "napari", "numpy", "nibabel")
_ADVICE = "Put it back from a backup, or move the session's folder elsewhere and begin a new one."


class StartedFrom(Part):
    """A model's answer that a rater took as a start.

    Attributes:
        checkpoint: its name.
        sha256: of the checkpoint's file.
        member: its number in the ensemble.
        seed: it was drawn with.
        box: it was drawn in; None for the whole scan.
        lesion: whose start it was; None for the whole mask.
    """

    checkpoint: str = Field(max_length=200)
    sha256: str = Field(max_length=64)
    member: int
    seed: int
    box: Box | None = None
    lesion: int | None = None


class ReadRecord(Part):
    """One session. Any new field raises `format`.

    Attributes:
        case: as the project names it.
        rater: as the project names them.
        session: its number, from 1.
        status: a finished session is never written again.
        phase: whether others' reads could be seen.
        kind: drawn here, or imported.
        started: when it was begun.
        saved: when this record was written last.
        finished: when it was frozen.
        active_seconds: of work.
        from_session: the rater's own finished session it started from; None for an empty mask.
        started_from: models' answers that were taken as starts, in order.
        versions: of the software that opened it last.
        checksums: sha256 of the session's other files once it is finished, by name.
        note: what else everybody who uses the read should know.
    """

    format: Literal[1] = 1
    case: str = Field(max_length=200)
    rater: str = Field(max_length=200)
    session: int = Field(ge=1, le=_MOST_SESSIONS)
    status: Literal["open", "finished"] = "open"
    phase: Phase
    kind: Literal["read", "imported"] = "read"
    started: AwareDatetime
    saved: AwareDatetime
    finished: AwareDatetime | None = None
    active_seconds: float = Field(0.0, ge=0)
    from_session: int | None = None
    started_from: tuple[StartedFrom, ...] = Field((), max_length=10_000)
    versions: dict[str, str] = Field(default_factory=dict, max_length=100)
    checksums: dict[str, str] = Field(default_factory=dict, max_length=10)
    note: str = Field("", max_length=10_000)

    @property
    def is_of_blinded_phase(self) -> bool:
        """Whether it was drawn blinded, or imported, which stands for that."""
        return self.phase == "blinded" or self.kind == "imported"


def sessions(project: Project, case: str, rater: str) -> tuple[ReadRecord, ...]:
    """All sessions of one rater on one case, in order. For that rater or the project's owner: it opens them.

    Raises:
        RaterProjectError: a record is damaged, of a newer format, or of another read.
    """
    return tuple(
        record_in(project, case, rater, session)
        for session in paths.session_numbers(project.root, case, rater)
    )


def record_in(project: Project, case: str, rater: str, session: int) -> ReadRecord:
    """The record of one session.

    Raises:
        RaterProjectError: it is damaged, of a newer format, or of another read.
    """
    path = paths.session_folder(project.root, case, rater, session) / READ
    record = read_document(path, ReadRecord, _ADVICE)
    if (record.case, record.rater, record.session) != (case, rater, session):
        raise RaterProjectError(
            f"{shown(path)} is of session {record.session} of “{record.rater}” on “{record.case}”, "
            f"where that of session {session} of “{rater}” on “{case}” belongs. Move the folder to its place."
        )
    return record


def next_session(project: Project, case: str, rater: str) -> int:
    """The number of a rater's new session of a case.

    Raises:
        RaterProjectError: there are 999.
    """
    number = max(paths.session_numbers(project.root, case, rater), default=0) + 1
    if number > _MOST_SESSIONS:
        raise RaterProjectError(
            f"“{rater}” has begun {_MOST_SESSIONS} sessions of {case}, and no more are possible. "
            "Read it under another name."
        )
    return number


def now() -> datetime:
    """This second, in UTC."""
    return datetime.now(UTC).replace(microsecond=0)


def versions() -> dict[str, str]:
    """Of the software that a read is made with."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a folder, or without a viewer
            continue
    return found
