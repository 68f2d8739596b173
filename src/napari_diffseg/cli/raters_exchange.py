"""`napari-diffseg raters export` and `import-lidc`: reads for other programs, and reads of LIDC-IDRI."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_diffseg.cli.bar import bar
from napari_diffseg.cli.output import Output
from napari_diffseg.cli.raters_project import ProjectArgument, report
from napari_diffseg.cli.raters_source import JsonOption, PhaseOption, QuietOption
from napari_diffseg.datasets.into_project import project_of
from napari_diffseg.datasets.opening import is_dataset, open_dataset
from napari_diffseg.errors import DatasetError
from napari_diffseg.raters.consensus import Way
from napari_diffseg.raters.export import Exported, exporting
from napari_diffseg.raters.lidc.importing import import_lidc
from napari_diffseg.raters.project import Project, open_project


def export_project(
    project: ProjectArgument,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder that is not there yet.")],
    way: Annotated[Way, typer.Option(help="Of the consensus.")] = "majority",
    level: Annotated[float, typer.Option(metavar="SHARE", help="For --way level.")] = 0.5,
    phase: PhaseOption = "blinded",
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="“reader 1” and so on, another number in every case.")
    ] = False,
    dicom: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The cases' DICOM series, for DICOM segmentations as well."),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write masks, consensus, ratings and agreement as NIfTI and CSV, and DICOM segmentations if wished."""
    output = Output(as_json, quiet)
    opened, done = open_project(project), None
    with bar("written", output) as show:
        for told in exporting(
            opened, out, way=way, level=level, phase=phase, anonymous=anonymous, dicom=dicom
        ):
            if isinstance(told, Exported):
                done = told
            else:
                show(told.done, told.cases)
    assert done is not None
    for warning in done.warnings:
        output.warn(warning)
    output.line(f"{done.reads} reads of {len(done.cases)} cases saved to {out}")
    output.document({**asdict(done), "folder": str(out.resolve())})


def import_from_lidc(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="SOURCE", help="LIDC-IDRI's DICOM folder, or crops as HDF5, PNG or NIfTI."),
    ] = None,
    *,
    xml: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the XML files are; else they are in SOURCE.")
    ] = None,
    part: Annotated[
        Literal["train", "validation", "test"] | None, typer.Option(help="Of crops that have parts.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="PROJECT", help="A folder that is not there yet.")],
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make a project of LIDC-IDRI's scans and readers; without the DICOM, of its outlines alone."""
    output = Output(as_json, quiet)
    if source is None and xml is None:
        raise typer.BadParameter("Give SOURCE, or --xml DIR alone.")
    if source is not None and xml is None and is_dataset(source):
        made = _from_crops(source, part, out)
    else:
        made = import_lidc(source, xml, out=out.resolve())
    for note in made.document.notes:
        output.note(note)
    report(made, output)


def _from_crops(source: Path, part: str | None, out: Path) -> Project:
    dataset = open_dataset(source)
    cases = tuple(case for case in dataset.cases if part in (None, case.group))
    if not cases:
        raise DatasetError(f"{dataset.root.name} has no part “{part}”. Choose another, or none.")
    return project_of(dataclasses.replace(dataset, cases=cases), out.resolve())
