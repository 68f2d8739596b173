"""`napari-diffseg raters consensus`: one mask of each case from those of its raters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
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
from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.nifti import write_volume
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.consensus import Consensus, consensus, soft_mean
from napari_diffseg.raters.new_folder import made_in_place
from napari_diffseg.raters.paths import folder_name
from napari_diffseg.raters.stack import MARGIN_MM, stated_box


def consensus_of_raters(
    data: DataArgument,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder for a NIfTI file a case.")],
    way: Annotated[
        Literal["majority", "union", "intersection", "level", "staple", "mean"],
        typer.Option(help="“level”: where --level of the raters agree; “mean”: the share of raters itself."),
    ] = "majority",
    level: Annotated[
        float, typer.Option(metavar="SHARE", help="For --way level: more than 0, up to 1.")
    ] = 0.5,
    case: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this case; may be given several times.")
    ] = None,
    phase: PhaseOption = "blinded",
    margin_mm: Annotated[
        float, typer.Option(metavar="MM", help="Of the box that STAPLE looks at, around all masks.")
    ] = MARGIN_MM,
    whole_scan: Annotated[
        bool, typer.Option("--whole-scan", help="Let STAPLE look at the whole scan instead.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Take the raters of each case together, and say how far STAPLE trusts each of them."""
    output, source = Output(as_json, quiet), open_source(data, phase=phase)
    found = []
    with made_in_place(out.resolve()) as folder:
        for reads in source.chosen(case):
            counted = reads.counted(source.empty_reads)
            path = folder / f"{folder_name(reads.case)}.nii.gz"
            if way == "mean":
                first = reads.reads[0]
                write_volume(path, soft_mean(counted.reads, len(source.classes)), first.origin, first.grid)
                found.append({"case": reads.case, "raters": counted.raters})
                continue
            box = None if whole_scan else stated_box(counted.reads, margin_mm=margin_mm)
            fused = consensus(counted.reads, len(source.classes), way=way, level=level, box=box)
            write_volume(path, fused.labels.data, fused.labels.origin, fused.labels.grid)
            found.append(_told(counted, fused, source))
            _say(found[-1], output)
        if not found:
            raise RaterProjectError(f"Nobody has finished a read of “{source.title}” yet. Finish one first.")
    output.line(f"Saved to {out}")
    output.document(defined({"way": way, "level": level, "folder": str(out.resolve()), "cases": found}))


def _told(reads: CaseReads, fused: Consensus, source: Source) -> dict[str, Any]:
    ml = fused.labels.grid.voxel_ml
    volumes = {
        name: np.count_nonzero(fused.labels.data == label) * ml
        for label, name in enumerate(source.classes, start=1)
    }
    trust = [
        {
            **asdict(of_read),
            "rater": reads.raters[of_read.read],
            "structure": source.classes[of_read.label - 1],
        }
        for of_read in fused.reliability
    ]
    return {
        "case": reads.case,
        "raters": reads.raters,
        "volumes_ml": volumes,
        "box": str(fused.box) if fused.box else None,
        "staple": trust,
        "warnings": fused.warnings,
    }


def _say(told: dict[str, Any], output: Output) -> None:
    volumes = ", ".join(f"{name} {volume:.2f} ml" for name, volume in told["volumes_ml"].items())
    output.line(f"{told['case']}: {volumes}, of {len(told['raters'])} reads")
    for line in _trust_lines(told):
        output.line(line)
    for warning in told["warnings"]:
        output.warn(f"{told['case']}: {warning}")


def _trust_lines(told: dict[str, Any]) -> Iterator[str]:
    for row in told["staple"]:
        yield (
            f"  {row['rater']}, {row['structure']}: sensitivity {row['sensitivity']:.4f}, "
            f"specificity {row['specificity']:.4f}"
        )
    if told["staple"]:
        yield f"  in the box {told['box']}"
