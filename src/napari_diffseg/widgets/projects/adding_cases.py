"""Cases and readers are added to a project, in a thread, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event as Flag

from napari_diffseg.io.nifti import read_channels
from napari_diffseg.raters.cases import add_case, add_rater, add_scan
from napari_diffseg.raters.project import Project
from napari_diffseg.widgets.projects.case_draft import CaseDraft


@dataclass(frozen=True, slots=True)
class Adding:
    """A case is about to be added.

    Args:
        case: its name.
        number: from 1.
        of: how many there are.
    """

    case: str
    number: int
    of: int


@dataclass(frozen=True, slots=True)
class Added:
    """A case or a reader is in the project.

    Args:
        project: as it is now.
        case: its name; empty for a reader.
    """

    project: Project
    case: str = ""


def add_cases(
    project: Project, drafts: Sequence[CaseDraft], *, copy: bool, given_up: Flag
) -> Iterator[Adding | Added]:
    """Add cases; where it ends early those before are in the project.

    Args:
        project: to add them to.
        drafts: of the cases.
        copy: whether NIfTI files are copied. DICOM is always written into the project, as NIfTI: a series
            is many files.
        given_up: set when it should end before the next case.

    Yields:
        What is about to be done, and what is done.

    Raises:
        RaterProjectError: a name is impossible or taken, or something cannot be written.
        ScanError: a file cannot be read as a scan.
        GridMismatchError: the files of a case do not lie on one grid.
    """
    for number, draft in enumerate(drafts, start=1):
        if given_up.is_set():
            return
        yield Adding(draft.name, number, len(drafts))
        if draft.is_nifti:
            project = add_case(project, draft.name, draft.files, copy=copy, patient=draft.patient)
        else:
            project = add_scan(project, draft.name, read_channels(draft.files), patient=draft.patient)
        yield Added(project, draft.name)


def add_to_project(
    project: Project, readers: Sequence[str], drafts: Sequence[CaseDraft], copy: bool, given_up: Flag
) -> Iterator[Adding | Added]:
    """Add readers, then cases.

    Raises:
        DiffSegError: as `add_cases`, or a reader's name is impossible or taken.
    """
    for name in readers:
        project = add_rater(project, name)
        yield Added(project)
    yield from add_cases(project, drafts, copy=copy, given_up=given_up)
