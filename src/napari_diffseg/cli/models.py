"""`napari-diffseg models`: the checkpoints there are, and what is known of each. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_diffseg.checkpoints.catalogue import CatalogueEntry, catalogue, find, user_folder
from napari_diffseg.checkpoints.document import Document, Metric, TrainingFacts, read_document
from napari_diffseg.cli.output import Output
from napari_diffseg.methods.registry import methods

app = typer.Typer(help="The models there are, and what is known of each.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
_Quiet = Annotated[bool, typer.Option("--quiet", help="Say only warnings and errors.")]


@app.command("list")
def list_models(as_json: _Json = False, quiet: _Quiet = False) -> None:
    """List the models that ship and your own; a broken file is listed with its reason."""
    output = Output(as_json, quiet)
    entries = catalogue()
    if not entries:
        output.note(f"There are no models yet; put .safetensors files into {user_folder()}.")
    for entry in entries:
        output.line(_list_line(entry))
    output.document({"models": [_listed(entry) for entry in entries]})


@app.command("show")
def show_model(
    model: Annotated[str, typer.Argument(metavar="NAME_OR_PATH")],
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Show what a model segments, its data and licence, its numbers, and what it is meant for."""
    output = Output(as_json, quiet)
    path = find(model)
    document = read_document(path)
    for line in _card(document, path):
        output.line(line)
    output.document({**document.model_dump(mode="json"), "path": str(path.resolve())})


def _list_line(entry: CatalogueEntry) -> str:
    if entry.document is None:
        return f"{entry.name}: cannot be used. {entry.problem}"
    return f"{entry.name}: {entry.document.title} ({_method_title(entry.document)})"


def _listed(entry: CatalogueEntry) -> dict[str, Any]:
    document = entry.document
    return {
        "name": entry.name,
        "title": document.title if document else None,
        "method": document.method if document else None,
        "path": str(entry.path),
        "problem": entry.problem or None,
    }


def _card(document: Document, path: Path) -> Iterator[str]:
    yield f"{document.name}: {document.title}"
    yield f"Method: {_method_title(document)}"
    yield "Segments:"
    for info in document.classes:
        yield f"  {info.name}{': ' if info.meaning else ''}{info.meaning}"
    yield "Channels: " + ", ".join(
        f"{channel.name} ({channel.modality})" if channel.modality else channel.name
        for channel in document.channels
    )
    if document.training:
        yield from _training_lines(document.training)
    for metric in document.metrics:
        yield _metric_line(metric)
    yield f"Licence of the weights: {document.licence or 'not stated'}"
    yield f"Citation: {document.citation or 'none'}"
    yield f"Intended use: {document.intended_use or 'not stated'}"
    yield f"File: {path}"


def _training_lines(facts: TrainingFacts) -> Iterator[str]:
    yield f"Trained on: {facts.data}, {facts.cases} cases, licence {facts.licence}"
    yield f"Split: {facts.split}"


def _metric_line(metric: Metric) -> str:
    return (
        f"{metric.name}: {metric.value:.3f} on {metric.cases} "
        f"({metric.members} members, {metric.steps} steps, seed {metric.seed}; {metric.command})"
    )


def _method_title(document: Document) -> str:
    entry = methods().get(document.method)
    return entry.title if entry else f"{document.method}, which is not known here"
