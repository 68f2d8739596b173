"""`napari-diffseg raters create`, `add`, `trust` and `status`: a project and who stands where in it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from napari_diffseg.cli.channels import channel_file
from napari_diffseg.cli.output import Output
from napari_diffseg.cli.raters_source import JsonOption, QuietOption
from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.nifti import read_volume
from napari_diffseg.raters.cases import add_case, add_scan
from napari_diffseg.raters.lidc_form import LIDC_FORM
from napari_diffseg.raters.memory import keep_trust, trusting
from napari_diffseg.raters.overview import overview
from napari_diffseg.raters.project import Project, create_project, open_project
from napari_diffseg.raters.project_document import Protocol
from napari_diffseg.raters.rating_form import PLAIN_FORM
from napari_diffseg.results.classes import colour
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume.wording import stem

ProjectArgument = Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.")]

_FORMS = {"plain": PLAIN_FORM, "lidc": LIDC_FORM}


def create(
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="A folder that is not there yet.")],
    *,
    rater: Annotated[list[str], typer.Option(metavar="NAME", help="Who reads; once for each.")],
    label: Annotated[
        list[str], typer.Option(metavar="NAME[=#RRGGBB]", help="A structure to outline; once for each.")
    ],
    title: Annotated[str | None, typer.Option(help="As people know it; else the folder's name.")] = None,
    form: Annotated[
        Literal["plain", "lidc"], typer.Option(help="Lesions without questions, or LIDC's marks and ratings.")
    ] = "plain",
    about: Annotated[str, typer.Option(metavar="TEXT", help="Instructions that raters are shown.")] = "",
    show_names: Annotated[
        bool, typer.Option("--show-names", help="Show readers' names once a case is unblinded.")
    ] = False,
    start_from_member: Annotated[
        bool, typer.Option("--allow-start-from-member", help="A model's answer may be a start, blinded too.")
    ] = False,
    empty_reads: Annotated[
        Literal["saw nothing", "left out"], typer.Option(help="What a finished read without a mark says.")
    ] = "saw nothing",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make a project for several raters; add cases to it afterwards."""
    protocol = Protocol(
        allow_start_from_member=start_from_member,
        show_names=show_names,
        empty_reads=empty_reads,
        about=about,
    )
    made = create_project(
        project,
        title=title or project.resolve().name,
        labels=[_class(text, place) for place, text in enumerate(label)],
        raters=rater,
        protocol=protocol,
        form=_FORMS[form],
    )
    report(made, Output(as_json, quiet))


def add(
    project: ProjectArgument,
    scan: Annotated[
        Path | None, typer.Argument(metavar="SCAN", help="A NIfTI file, or a folder of one DICOM series.")
    ] = None,
    *,
    channel: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="Instead of SCAN: a channel's file, once for each."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the case; else the file's.")] = None,
    rater: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Who reads it, once for each; else everybody.")
    ] = None,
    reference: Annotated[
        bool, typer.Option("--reference", help="Leave NIfTI files where they are, instead of copying them.")
    ] = False,
    patient: Annotated[
        str, typer.Option(metavar="CODE", help="For several cases of one patient; a code, not a name.")
    ] = "",
    note: Annotated[str, typer.Option(metavar="TEXT", help="What users of the reads should know.")] = "",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Add a case to a project."""
    if (scan is None) == (not channel):
        raise typer.BadParameter("Give either SCAN or --channel NAME=FILE for each channel.")
    opened, images = trusting(open_project(project)), dict(map(channel_file, channel or ()))
    first = scan or next(iter(images.values()))
    case = name or stem(first.name)
    settings: dict[str, Any] = {"raters": rater or (), "patient": patient, "note": note}
    if scan is not None and not scan.name.lower().endswith((".nii", ".nii.gz")):
        if reference:
            raise typer.BadParameter(
                "is for NIfTI files; DICOM is copied as NIfTI.", param_hint="--reference"
            )
        changed = add_scan(opened, case, read_volume(scan), **settings)
    else:
        changed = add_case(opened, case, scan or images, copy=not reference, **settings)
        if reference:
            keep_trust(changed)
    report(changed, Output(as_json, quiet))


def trust(
    project: ProjectArgument,
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER]...", help="That images may be read from; without any: which are asked for."
        ),
    ] = None,
    *,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Let this computer read a project's images from folders outside it."""
    output, opened = Output(as_json, quiet), trusting(open_project(project))
    if folders:
        confirmed = (folder.resolve() for folder in folders)
        keep_trust(dataclasses.replace(opened, trusted=(*opened.trusted, *confirmed)))
    left = trusting(opened).untrusted()
    for folder in left:
        output.line(f"Not confirmed: {folder}")
    if not left:
        output.line("Every image lies in the project or in a folder that was confirmed.")
    output.document({"not_confirmed": list(map(str, left))})


def status(
    project: ProjectArgument,
    rater: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="As this rater sees it; else as the owner.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show who stands where, case by case."""
    output, opened = Output(as_json, quiet), open_project(project)
    if rater not in (None, *opened.document.raters):
        raise RaterProjectError(
            f"“{rater}” is no rater of “{opened.document.title}”. Choose one of "
            f"{', '.join(opened.document.raters)}."
        )
    rows = overview(opened, by=rater)
    for row in rows:
        work = (
            ""
            if row.active_seconds is None
            else f", {row.active_seconds / 60:.0f} min, {row.lesions} lesions"
        )
        output.line(f"{row.case}, {row.rater}: {row.state} ({row.phase}{work})")
    done = sum(row.state == "finished" for row in rows)
    output.line(f"{done} of {len(rows)} reads are finished.")
    for note in opened.document.notes:
        output.note(note)
    output.document({"title": opened.document.title, "reads": [dataclasses.asdict(row) for row in rows]})


def report(project: Project, output: Output) -> None:
    """What a project is."""
    for line in _facts(project):
        output.line(line)
    output.document({"project": str(project.root), **project.document.model_dump(mode="json")})


def _facts(project: Project) -> Iterator[str]:
    document = project.document
    yield f"{document.title}: {len(document.cases)} cases"
    yield f"Raters: {', '.join(document.raters)}"
    yield f"Structures: {', '.join(info.name for info in document.labels)}"
    yield f"Folder: {project.root}"


def _class(text: str, place: int) -> ClassInfo:
    found = re.fullmatch(r"(.+)=(#[0-9a-fA-F]{6})", text)
    return ClassInfo(*found.groups()) if found else ClassInfo(text, colour(place))
