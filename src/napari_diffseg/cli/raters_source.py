"""Several people's masks of the same cases: from a rater project, or any data set that has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from napari_diffseg.datasets.case import Case
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.datasets.rater_project import recognises
from napari_diffseg.errors import DatasetError
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.consensus import EmptyReads
from napari_diffseg.raters.project import Project, open_project
from napari_diffseg.raters.project_reads import reads_in_project
from napari_diffseg.raters.read_record import Phase

WHOLE = "all cases"

DataArgument = Annotated[
    Path, typer.Argument(metavar="PATH", help="A rater project, or a data set with several masks a case.")
]
PhaseOption = Annotated[
    Phase, typer.Option(help="Of a project: each rater's last blinded read, or their last of all.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Say only warnings and errors.")]

_PARTS = {"val": "validation"}


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Cases that several people drew.

    Args:
        title: of the project or data set.
        classes: names of the structures.
        cases: by the name of their part, then of the case; a call reads one, or gives None where nobody has
            finished it.
        empty_reads: what the project's protocol says; a data set's empty masks say that nothing was seen.
        notes: what everybody who uses the masks should know.
        project: None for a data set.
    """

    title: str
    classes: tuple[str, ...]
    cases: dict[str, dict[str, Callable[[], CaseReads | None]]]
    empty_reads: EmptyReads
    notes: tuple[str, ...]
    project: Project | None = None

    def reads(self, part: str) -> Iterator[CaseReads]:
        """The part's cases that somebody has read."""
        for read in self.cases[part].values():
            found = read()
            if found is not None:
                yield found

    def chosen(self, names: list[str] | None) -> Iterator[CaseReads]:
        """The cases of these names; all where none is named.

        Raises:
            DatasetError: there is no such case, or nobody has finished it.
        """
        known = {name: read for part in self.cases.values() for name, read in part.items()}
        for name in names or known:
            if name not in known:
                raise DatasetError(f"{self.title} has no case {name}. Choose one of its {len(known)} cases.")
            found = known[name]()
            if found is not None:
                yield found
            elif names:
                raise DatasetError(f"Nobody has finished reading {name} yet. Finish a read first.")


def open_source(path: Path, *, part: str | None = None, phase: Phase = "blinded") -> Source:
    """Open a rater project or a data set.

    Args:
        path: of either.
        part: of a data set: "train", "validation" or "val", "test"; None takes all.
        phase: of a project's reads.

    Raises:
        RaterProjectError: it is a project that cannot be used.
        DatasetError: it is of no known layout, or lacks the part.
        typer.BadParameter: a project was asked for a part.
    """
    if not recognises(path):
        return _of_dataset(open_dataset(path), part)
    if part:
        raise typer.BadParameter("a rater project has no parts.", param_hint="--part")
    return _of_project(open_project(path), phase)


def _of_project(project: Project, phase: Phase) -> Source:
    document = project.document
    return Source(
        title=document.title,
        classes=tuple(info.name for info in document.labels),
        cases={
            WHOLE: {
                entry.name: partial(reads_in_project, project, entry.name, phase=phase)
                for entry in document.cases
            }
        },
        empty_reads=document.protocol.empty_reads,
        notes=document.notes,
        project=project,
    )


def _of_dataset(dataset: Dataset, part: str | None) -> Source:
    wanted = _PARTS.get(part or "", part)
    found: dict[str, dict[str, Callable[[], CaseReads | None]]] = {}
    for case in dataset.cases:
        group = case.group or WHOLE
        if wanted in (None, group):
            found.setdefault(group, {})[case.name] = partial(_drawn, case)
    if not found:
        there = ", ".join(sorted({case.group or WHOLE for case in dataset.cases}))
        raise DatasetError(f"{dataset.root.name} has no part “{part}”. Choose one of: {there}.")
    return Source(
        title=dataset.root.name,
        classes=tuple(info.name for info in dataset.classes),
        cases=found,
        empty_reads="saw nothing",
        notes=dataset.notes,
    )


def _drawn(case: Case) -> CaseReads:
    reads = case.read().reads
    slots = tuple(f"slot {number}" for number in range(1, len(reads) + 1))
    return CaseReads(case.name, slots, reads, patient=case.patient)
