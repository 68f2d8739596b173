"""`napari-diffseg raters agree`: how far raters agree, over a project or a data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_diffseg.cli.bar import counted
from napari_diffseg.cli.output import Output, defined
from napari_diffseg.cli.raters_source import (
    DataArgument,
    JsonOption,
    PhaseOption,
    QuietOption,
    Source,
    open_source,
)
from napari_diffseg.errors import ResultError, SettingsError
from napari_diffseg.raters.agreement import CaseAgreement, agreement
from napari_diffseg.raters.detection import MatchingRule
from napari_diffseg.raters.estimate import Estimate
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.project_reads import sessions_in_project
from napari_diffseg.raters.stack import MARGIN_MM, rule_of
from napari_diffseg.raters.summary import AgreementSummary, StructureSummary, summarise
from napari_diffseg.raters.tables import write_agreement

_SELF = "with themselves"


def agree(
    data: DataArgument,
    *,
    part: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a data set: train, validation or test.")
    ] = None,
    phase: PhaseOption = "blinded",
    margin_mm: Annotated[
        float, typer.Option(metavar="MM", help="Of the box that kappa and alpha are counted in.")
    ] = MARGIN_MM,
    least_iou: Annotated[
        float, typer.Option(metavar="IOU", help="From which overlap on two masks are of one lesion.")
    ] = MatchingRule().least_iou,
    reach_mm: Annotated[
        float, typer.Option(metavar="MM", help="Within which a point is of a lesion.")
    ] = MatchingRule().reach_mm,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder for tables (CSV): pairs, cases, lesions.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare all raters of each case, and each with themselves: overlap, distance, volume, kappa, lesions.

    Means are over cases, with 95 % intervals from resampling patients. Two empty masks agree perfectly.
    """
    output, rule = Output(as_json, quiet), MatchingRule(least_iou, reach_mm)
    source = open_source(data, part=part, phase=phase)
    found = {name: _agreements(source, name, margin_mm, rule, output) for name in source.cases}
    own = _with_themselves(source.project, source, margin_mm, rule) if source.project else []
    if not any(found.values()) and not own:
        raise SettingsError(
            f"{source.title} has no case with two reads, so there is nothing to compare. Finish more reads, "
            "or choose another data set."
        )
    if out is not None:
        _write(out, [case for cases in found.values() for case in cases] + own)
    shown = {name: summarise(cases) for name, cases in {**found, _SELF: own}.items() if cases}
    for name, summary in shown.items():
        for line in _lines(name, summary):
            output.line(line)
    output.line(f"Box of kappa and alpha: {rule_of(margin_mm)}.")
    output.line(f"One lesion: {rule.words}.")
    for note in source.notes:
        output.note(note)
    output.document(_document(source, found, own, shown, margin_mm, rule))


def _agreements(
    source: Source, part: str, margin_mm: float, rule: MatchingRule, output: Output
) -> list[CaseAgreement]:
    cases = counted(source.reads(part), len(source.cases[part]), output)
    return [
        agreement(case, source.classes, empty_reads=source.empty_reads, margin_mm=margin_mm, rule=rule)
        for case in cases
        if len(case.reads) > 1
    ]


def _with_themselves(
    project: Project, source: Source, margin_mm: float, rule: MatchingRule
) -> list[CaseAgreement]:
    """Sessions of one rater against one another."""
    found = []
    for entry in project.document.cases:
        for rater in project.raters_of(entry.name):
            sessions = sessions_in_project(project, entry.name, rater)
            if sessions is not None:
                found.append(
                    agreement(
                        sessions,
                        source.classes,
                        empty_reads=source.empty_reads,
                        margin_mm=margin_mm,
                        rule=rule,
                    )
                )
    return found


def _write(folder: Path, cases: list[CaseAgreement]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultError(f"{folder} cannot be made ({error.strerror}). Choose another folder.") from error
    write_agreement(folder, cases)


def _lines(part: str, summary: AgreementSummary) -> Iterator[str]:
    yield f"{part}: {summary.cases} cases of {summary.patients} patients, {summary.reads} reads"
    for structure in summary.structures:
        if len(summary.structures) > 1:
            yield f"  {structure.structure}"
        for what, told in _rows(structure):
            yield f"  {what:<58} {told}"
    yield f"  {'lesions: mean agreement of two raters':<58} {_value(summary.detection)}"
    for looked, seen in summary.seen_by.items():
        counts = ", ".join(f"{count} by {by}" for by, count in enumerate(seen, start=1))
        yield f"  {f'lesions seen, of {looked} raters':<58} {counts}"
    yield ""


def _rows(summary: StructureSummary) -> Iterator[tuple[str, str]]:
    yield "mean pairwise IoU", _value(summary.iou)
    yield "mean pairwise Dice", _value(summary.dice)
    yield "E[d], d = 1 - IoU, of two different reads", _value(summary.expected_distance)
    yield (
        "E[d] over all ordered pairs, each read with itself too",
        _value(summary.expected_distance_with_self),
    )
    yield "IoU, both masks non-empty", f"{_value(summary.iou_both)}, {summary.iou_both.count} pairs"
    yield "Dice, both masks non-empty", f"{_value(summary.dice_both)}, {summary.dice_both.count} pairs"
    yield "HD95 in mm, both masks non-empty", _with_undefined(summary.hd95_mm)
    yield "difference of volumes in ml", _value(summary.volume_difference_ml)
    yield "share of identical pairs", _value(summary.identical)
    yield "share of empty masks", _value(summary.empty)
    yield (
        "share of empty masks, by place in the case",
        ", ".join(f"{share:.3f}" for share in summary.empty_by_rater),
    )
    if summary.voxels:
        yield (
            "voxels of non-empty masks: least, median, greatest",
            ", ".join(f"{n:g}" for n in summary.voxels),
        )
    yield "Fleiss' kappa of the box's voxels", _with_undefined(summary.kappa)
    yield "Krippendorff's alpha of the box's voxels", _with_undefined(summary.alpha)


def _value(found: Estimate) -> str:
    if found.mean is None:
        return "not defined"
    interval = "" if found.low is None else f" ({found.low:.5f} to {found.high:.5f})"
    return f"{found.mean:.5f}{interval}"


def _with_undefined(found: Estimate) -> str:
    missing = f", not defined in {found.undefined} of {found.count + found.undefined} cases"
    return _value(found) + (missing if found.undefined else "")


def _document(
    source: Source,
    found: dict[str, list[CaseAgreement]],
    own: list[CaseAgreement],
    shown: dict[str, AgreementSummary],
    margin_mm: float,
    rule: MatchingRule,
) -> Any:
    return defined(
        {
            "title": source.title,
            "box": rule_of(margin_mm),
            "one_lesion": rule.words,
            "empty_reads": source.empty_reads,
            "notes": source.notes,
            "summaries": {name: asdict(summary) for name, summary in shown.items()},
            "cases": {name: [asdict(case) for case in cases] for name, cases in found.items()},
            "with_themselves": [asdict(case) for case in own],
        }
    )
