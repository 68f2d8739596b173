"""Who stands where: one row for each case and rater."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_diffseg.raters import paths
from napari_diffseg.raters.finished_read import phase_of
from napari_diffseg.raters.lesion_list import read_lesions
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.read_record import Phase, sessions


@dataclass(frozen=True, slots=True)
class Row:
    """How far one rater is with one case.

    Args:
        case: its name.
        rater: their name.
        state: of the newest session.
        phase: that the case is in.
        sessions: begun; None where that may not be known.
        active_seconds: over all sessions; None likewise.
        lesions: in the newest session; None likewise.
    """

    case: str
    rater: str
    state: Literal["not begun", "open", "finished"]
    phase: Phase
    sessions: int | None = None
    active_seconds: float | None = None
    lesions: int | None = None


def overview(project: Project, *, by: str | None) -> tuple[Row, ...]:
    """The rows of all cases, in the project's order.

    Args:
        project: to look at.
        by: the rater who looks; None is the project's owner. Of another rater only the state is told while
            the case is blinded, and later too where readers have no names: nothing of theirs is opened.

    Raises:
        RaterProjectError: a record that is opened is damaged.
    """
    rows = []
    for entry in project.document.cases:
        phase = phase_of(project, entry.name)
        for rater in project.raters_of(entry.name):
            told = by in (None, rater) or (phase == "unblinded" and project.document.protocol.show_names)
            row = _row if told else _row_from_outside
            rows.append(row(project, entry.name, rater, phase))
    return tuple(rows)


def _row(project: Project, case: str, rater: str, phase: Phase) -> Row:
    found = sessions(project, case, rater)
    if not found:
        return Row(case, rater, "not begun", phase, 0, 0.0, 0)
    folder = paths.session_folder(project.root, case, rater, found[-1].session)
    counting = sum(lesion.removed is None for lesion in read_lesions(folder))
    seconds = sum(record.active_seconds for record in found)
    return Row(case, rater, found[-1].status, phase, len(found), seconds, counting)


def _row_from_outside(project: Project, case: str, rater: str, phase: Phase) -> Row:
    """What can be told without opening or listing anything of theirs."""
    if paths.finished_marker(project.root, case, rater).exists():
        return Row(case, rater, "finished", phase)
    begun = paths.rater_folder(project.root, case, rater).exists()
    return Row(case, rater, "open" if begun else "not begun", phase)
