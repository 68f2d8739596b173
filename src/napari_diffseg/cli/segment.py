"""`napari-diffseg segment`: a scan and a checkpoint in, a result folder out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_diffseg.checkpoints.catalogue import find
from napari_diffseg.checkpoints.document import Document, read_document
from napari_diffseg.cli.channels import read_scan
from napari_diffseg.cli.flags import with_sampling_flags
from napari_diffseg.cli.interrupt import cancelling
from napari_diffseg.cli.output import Output
from napari_diffseg.cli.progress import follow
from napari_diffseg.inference.settings import settings_lacking
from napari_diffseg.methods.registry import method
from napari_diffseg.results.folder import check_folder, propose_folder, write_result
from napari_diffseg.results.notes import notes
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.results.record import RECORD
from napari_diffseg.results.result import Result
from napari_diffseg.volume import Box, Scan

_MEANT_ALL_THE_SAME = {"members", "steps", "fusion", "relative_area", "keep_members"}
"""Told of elsewhere, or done though a dock does not offer it."""


@with_sampling_flags
def segment(
    scan: Annotated[
        Path | None, typer.Argument(metavar="SCAN", help="A .nii or .nii.gz file, for models of one channel.")
    ] = None,
    *,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME_OR_PATH", help="One of “models list”, or a .safetensors file.")
    ],
    channel: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="A channel's file; once for each channel of the model."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Result folder; by default a new, dated one here.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older result.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only warnings and errors.")] = False,
    options: SamplingOptions,
) -> None:
    """Segment a scan several times over and save members' mean, variance and consensus."""
    output = Output(as_json, quiet)
    if out is not None:
        check_folder(out, overwrite=overwrite)  # before hours of computing
    path = find(checkpoint)
    document = read_document(path)
    loaded = read_scan(document, scan, channel or [])
    box = _clipped_box(options, loaded, output)
    for warning in document.warnings(loaded, loaded.grid.crop(box)):
        output.warn(warning)
    _note_idle(options, document, output)
    result = _drawn(loaded, path, options, output)
    folder = write_result(result, out or propose_folder(Path(), loaded.name), overwrite=overwrite)
    _report(result, folder, output)
    if result.cancelled:
        raise typer.Exit(130)


def _note_idle(options: SamplingOptions, document: Document, output: Output) -> None:
    """Say which of the settings asked for change nothing."""
    entry, lacking = method(document.method), settings_lacking(document, options.sampler)
    if not entry.has_steps:
        output.note(f"“{entry.title}” gives one member in one step, whatever --members and --steps say.")
    fields = SamplingOptions.model_fields
    idle = [
        f"--{name.replace('_', '-')}"
        for name in fields
        if name in lacking - _MEANT_ALL_THE_SAME and getattr(options, name) != fields[name].default
    ]
    if idle:
        output.note(f"{', '.join(idle)}: of no use to “{document.name}” as it is asked for.")


def _drawn(scan: Scan, path: Path, options: SamplingOptions, output: Output) -> Result:
    # torch comes in here, so that everything a person can get wrong is said before
    from napari_diffseg.checkpoints.checkpoint import load_checkpoint
    from napari_diffseg.inference.run import segment as start

    checkpoint = load_checkpoint(path)
    run = start(scan, checkpoint, **dict(options))
    with cancelling(run.cancel):
        return follow(run, output, checkpoint_sha256=checkpoint.sha256)


def _clipped_box(options: SamplingOptions, scan: Scan, output: Output) -> Box:
    if options.box is None:
        return Box.whole(scan.grid.shape)
    clipped = options.box.clipped(scan.grid.shape)
    if clipped != options.box:
        output.note(f"The box {options.box} reaches beyond the scan and was clipped to {clipped}.")
    return clipped


def _report(result: Result, folder: Path, output: Output) -> None:
    for line in result.summary():
        output.line(_volume_line(line))
    for note in notes(result):
        output.note(note)
    output.line(f"Saved to {folder}")
    if result.cancelled:
        output.warn(f"Cancelled after {len(result.members)} of {result.options.members} members.")
    told = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    output.document({**told, "folder": str(folder.resolve())})


def _volume_line(line: dict[str, Any]) -> str:
    sd = "" if line["sd_ml"] is None else f" ± {line['sd_ml']:.2f}"
    return f"{line['class']}: {line['mean_ml']:.2f}{sd} ml, consensus {line['consensus_ml']:.2f} ml"
