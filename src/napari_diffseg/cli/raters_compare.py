"""`napari-diffseg raters compare`: a model's ensembles against the people who drew the same cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_diffseg.cli.output import Output, defined
from napari_diffseg.cli.raters_source import (
    DataArgument,
    JsonOption,
    PhaseOption,
    QuietOption,
    Source,
    open_source,
)
from napari_diffseg.errors import ResultError
from napari_diffseg.raters.against_model import ModelAgainstRaters, against_model
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.verdict import Verdict, verdict
from napari_diffseg.results.folder import read_result
from napari_diffseg.results.result import Result
from napari_diffseg.volume.wording import stem


def compare(
    data: DataArgument,
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT...", help="Result folders of “segment --keep-members”.")
    ],
    *,
    case: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which case a single result is of; else the one of its scan."),
    ] = None,
    phase: PhaseOption = "blinded",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say whether a model is over-confident, matches the raters or is under-confident, with the numbers."""
    output, source = Output(as_json, quiet), open_source(data, phase=phase)
    if case and len(results) > 1:
        raise typer.BadParameter("names the case of a single result.", param_hint="--case")
    found: list[ModelAgainstRaters] = []
    for folder in results:
        result = read_result(folder)
        reads = _reads_of(source, result, folder, case).counted(source.empty_reads)
        found += against_model(result, reads)
    structures = list(dict.fromkeys(row.structure for row in found))
    verdicts = [verdict([row for row in found if row.structure == name]) for name in structures]
    for row in found:
        output.line(_case_line(row))
    for judged in verdicts:
        for line in _lines(judged):
            output.line(line)
    output.document(
        defined({"cases": [_told(row) for row in found], "verdicts": list(map(asdict, verdicts))})
    )


def _reads_of(source: Source, result: Result, folder: Path, case: str | None) -> CaseReads:
    name = case or _case_of(source, result)
    if name is None:
        raise ResultError(
            f"{folder} is a result of {result.provenance.scan}, which is no case of {source.title}. "
            "Name the case with --case."
        )
    (reads,) = source.chosen([name])
    return reads


def _case_of(source: Source, result: Result) -> str | None:
    """By the image's checksum in a project, otherwise by its name."""
    if source.project:
        sha256 = result.provenance.scan_sha256
        entries = source.project.document.cases
        return next((e.name for e in entries if sha256 in {image.sha256 for image in e.images}), None)
    scan = stem(result.provenance.scan)
    return next((name for part in source.cases.values() for name in part if name == scan), None)


def _case_line(row: ModelAgainstRaters) -> str:
    inside = f"{sum(row.inside)} of {len(row.inside)} volumes inside" if row.interval_ml else "no interval"
    return (
        f"{row.case}, {row.structure}: GED {row.ged.published:.4f} with {row.members} members "
        f"(unbiased {row.ged.unbiased:.4f}), matched IoU {row.matched_iou:.4f}, {inside}"
    )


def _lines(judged: Verdict) -> Iterator[str]:
    members = " to ".join(map(str, sorted(set(judged.members))))
    yield f"{judged.structure}, {members} members"
    for what, value in (
        ("GED as published", judged.ged),
        ("GED unbiased", judged.ged_unbiased),
        ("matched IoU", judged.matched_iou),
        ("correlation of variances", judged.variance_correlation),
        ("raters' volumes in the members' 95 % interval", judged.inside),
    ):
        interval = "" if value.low is None else f" ({value.low:.4f} to {value.high:.4f})"
        yield f"  {what}: {'not defined' if value.mean is None else f'{value.mean:.4f}'}{interval}"
    for rater, share in judged.inside_by_rater.items():
        yield f"    {rater}: {share:.2f}"
    yield f"  {judged.sentence}"


def _told(row: ModelAgainstRaters) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in row.__slots__ if name not in {"distances", "ged"}}
    return {**told, "ged": asdict(row.ged)}
