"""`napari-diffseg models`: the checkpoints there are, what is known of each, and official ones made ours.

Torch-free but for the import itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_diffseg.checkpoints.catalogue import CatalogueEntry, catalogue, find
from napari_diffseg.checkpoints.document import Document, Metric, TrainingFacts, read_document
from napari_diffseg.checkpoints.official.sources import SourceName
from napari_diffseg.cli.output import Output
from napari_diffseg.methods.registry import method, methods

app = typer.Typer(help="The models there are, and what is known of each.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
_Quiet = Annotated[bool, typer.Option("--quiet", help="Say only warnings and errors.")]


@app.command("list")
def list_models(
    of: Annotated[
        str | None, typer.Option("--method", metavar="NAME", help="Only this method's, and what it is.")
    ] = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """List the models that ship and your own, and the methods that have none.

    A broken file is listed with its reason.
    """
    output = Output(as_json, quiet)
    wanted = {of: method(of)} if of else methods()
    entries = [e for e in catalogue() if e.document is None or e.document.method in wanted]
    if of:
        output.line(f"{wanted[of].title}. {wanted[of].about}")
    for entry in entries:
        output.line(_list_line(entry))
    served = {entry.document.method for entry in entries if entry.document}
    lacking = [name for name in wanted if name not in served]
    if of and lacking:
        output.line(wanted[of].how_to_get)
    elif lacking:
        output.line(f"No model yet: {', '.join(lacking)}; models list --method NAME says how to get one.")
    output.document({"models": [_listed(entry) for entry in entries], "methods": list(wanted)})


@app.command("show")
def show_model(
    model: Annotated[str, typer.Argument(metavar="NAME_OR_PATH")],
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Show what a model segments, its data and licence, its numbers, and what it is meant for."""
    output = Output(as_json, quiet)
    path = find(model)
    _show(output, read_document(path), path)


@app.command("import")
def import_model(
    file: Annotated[Path, typer.Argument(help="An official checkpoint; for imgx the folder batch_<n>.")],
    source: Annotated[SourceName, typer.Option("--from", help="Whose code wrote it.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write, ending in .safetensors; else one among your own models."),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What the file does not tell, for example heads=1."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the new model; else the file's.")] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Name of an image channel; once each, in the network's order."),
    ] = None,
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Name of a foreground class; once each, in order."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Make a published checkpoint one of yours; nothing in it is run, and every tensor is checked."""
    from napari_diffseg.checkpoints.official.importing import import_official, target_path

    path = target_path(out, name or file.stem)
    document = import_official(
        file,
        source=source,
        network=_settings(network or ()),
        name=name,
        channels=channel,
        classes=class_,
        out=path,
        overwrite=overwrite,
    ).document
    _show(Output(as_json, quiet), document, path)


def _settings(texts: Sequence[str]) -> dict[str, Any]:
    """Values are numbers, true, false, null or lists where they read as such, and texts otherwise."""
    found: dict[str, Any] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not (key and sign):
            raise typer.BadParameter(
                f"“{text}” is not KEY=VALUE, for example heads=1.", param_hint="--network"
            )
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def _show(output: Output, document: Document, path: Path) -> None:
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
