"""A rater project, read as it stands: every case that somebody has finished, with a mask for each rater.

    raters.json                          classes, raters, cases
    images/                              scans; others are read from folders that this person confirmed
    reads/<case>/<rater>/<session>/      of each rater the last one drawn blinded, or imported

A read without a voxel is a rater who saw nothing, or is left out, as the project's protocol says. A case that
names no patient is of a patient of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from napari_diffseg.datasets.case import Case, LabelledScan
from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.volumes import no_case
from napari_diffseg.errors import DatasetError, RaterProjectError
from napari_diffseg.io.sequence import modality_of
from napari_diffseg.raters.memory import trusting
from napari_diffseg.raters.project import Project, open_project
from napari_diffseg.raters.project_document import PROJECT, CaseEntry
from napari_diffseg.raters.project_reads import counting_reads, reads_in_project

TITLE = "rater project"
EXPECTS = "raters.json, with images/ and reads/ beside it"


def recognises(path: Path) -> bool:
    """Whether raters.json is there."""
    return (path / PROJECT).is_file() or (path.name == PROJECT and path.is_file())


def read(path: Path) -> Dataset:
    """The project's cases that have a finished read; the others are problems.

    Raises:
        DatasetError: raters.json is not as it should be, or no case has a finished read.
    """
    try:
        project = trusting(open_project(path))
    except RaterProjectError as error:
        raise DatasetError(str(error)) from error
    entries = project.document.cases
    channels = _channels(entries[0]) if entries else ()
    told = {entry.name: " ".join(_wrong(project, entry, channels)) for entry in entries}
    problems = tuple(Problem(case, sentence) for case, sentence in told.items() if sentence)
    usable = sorted((entry for entry in entries if not told[entry.name]), key=lambda entry: entry.name)
    if not usable:
        raise no_case(project.root, "a project in which somebody has finished a read", problems)
    return Dataset(
        root=project.root,
        layout=TITLE,
        channels=channels,
        classes=project.document.labels,
        cases=tuple(
            Case(entry.name, entry.patient or entry.name, partial(_read_case, project, entry.name))
            for entry in usable
        ),
        modality=next(filter(None, map(modality_of, channels)), ""),
        problems=problems,
        notes=project.document.notes,
    )


def _channels(entry: CaseEntry) -> tuple[str, ...]:
    return tuple(image.channel for image in entry.images)


def _wrong(project: Project, entry: CaseEntry, channels: tuple[str, ...]) -> Iterator[str]:
    """Why a case cannot be read, as far as it shows without opening a mask."""
    try:
        project.image_paths(entry.name)
        if not counting_reads(project, entry.name):
            yield "Nobody has finished reading it. Finish a read, or leave the case out."
    except RaterProjectError as error:
        yield str(error)
    if _channels(entry) != channels:
        yield (
            f"Its channels are {', '.join(_channels(entry))}, and the first case's {', '.join(channels)}. "
            "Leave the case out."
        )


def _read_case(project: Project, name: str) -> LabelledScan:
    try:
        found = reads_in_project(project, name)
        scan = project.scan(name)
    except RaterProjectError as error:
        raise DatasetError(str(error)) from error
    if found is None:
        raise DatasetError(f"The reads of case {name} are gone. Put them back, or leave the case out.")
    return LabelledScan(scan, found.counted(project.document.protocol.empty_reads).reads)
