"""`napari-diffseg data`: what is in a folder of cases, and what is wrong with it, before training."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from napari_diffseg.cli.bar import counted
from napari_diffseg.cli.output import Output, plain
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.inspection import CaseFacts, Inspection, Interval, inspect
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.errors import DatasetError
from napari_diffseg.volume.wording import times

app = typer.Typer(help="Folders of cases to train on.", no_args_is_help=True)

_MOST_ROWS = 40
_FEW_ROWS = 10
_MOST_CLASSES = 6  # with a column of their own
_PIPE_WIDTH = 400


@app.command("inspect")
def inspect_data(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder of cases, or a file that holds them.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only warnings and errors.")] = False,
) -> None:
    """Read every case and show channels, classes, raters, spacings and intensities, and whatever is wrong.

    Ends with exit code 1 when a case is bad.
    """
    output = Output(as_json, quiet)
    dataset = open_dataset(data)
    inspection = Inspection(dataset, tuple(counted(inspect(dataset), len(dataset.cases), output)))
    output.line(_rendered(_table(inspection), output))
    for line in _summary(inspection):
        output.line(line)
    for problem in inspection.bad:
        output.line(f"{problem.case}: {problem.sentence}")
    output.document(_document(inspection))
    if inspection.verdict:
        raise DatasetError(inspection.verdict)


def _table(inspection: Inspection) -> Table:
    dataset = inspection.dataset
    separate = len(dataset.classes) <= _MOST_CLASSES
    table = Table(box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for heading in ("case", "part", "size", "mm", "intensity", "masks"):
        table.add_column(heading, justify="right" if heading == "masks" else "left")
    for heading in [info.name for info in dataset.classes] if separate else ["classes"]:
        table.add_column(Text(plain(heading)), justify="right")
    table.add_column("")
    shown = inspection.facts if len(inspection.facts) <= _MOST_ROWS else inspection.facts[:_FEW_ROWS]
    for case in shown:
        table.add_row(*(Text(plain(cell)) for cell in _row(case, dataset, separate=separate)))
    return table


def _row(case: CaseFacts, dataset: Dataset, *, separate: bool) -> Iterator[str]:
    yield case.name
    yield case.group or ""
    yield times(case.shape[-dataset.dimensions :]) if case.shape else ""
    yield times(case.spacing_mm[-dataset.dimensions :]) if case.spacing_mm else ""
    yield ", ".join(map(_interval, case.intensities))
    yield str(len(case.voxels)) if case.voxels else ""
    if separate:
        for place in range(len(dataset.classes)):
            yield _counts([read[place] for read in case.voxels])
    else:
        seen = sum(map(any, zip(*case.voxels, strict=True)))
        yield f"{seen} of {len(dataset.classes)}" if case.voxels else ""
    yield "bad" if case.problem else ""


def _summary(inspection: Inspection) -> Iterator[str]:
    dataset = inspection.dataset
    hidden = len(inspection.facts) - _FEW_ROWS
    if len(inspection.facts) > _MOST_ROWS:
        yield f"… and {hidden} more; --json lists all.\n"
    yield f"Layout: {dataset.layout}"
    yield f"Cases: {len(inspection.facts)}{_groups(inspection)}, patients: {inspection.patients}"
    intensities = inspection.intensities or (None,) * len(dataset.channels)
    ranges = [
        f"{name} ({_interval(interval)})" if interval else name
        for name, interval in zip(dataset.channels, intensities, strict=True)
    ]
    yield f"Channels: {', '.join(ranges)}{f'; {dataset.modality}' if dataset.modality else ''}"
    counts = zip(dataset.classes, inspection.cases_of_class, strict=True)
    yield f"Classes: {', '.join(f'{info.name} (in {_cases(cases)})' for info, cases in counts)}"
    masks = [f"{number} in {_cases(cases)}" for number, cases in sorted(inspection.raters.items())]
    yield f"Masks a case: {', '.join(masks) or 'none could be read'}"
    if inspection.shapes:
        yield f"Size: {' × '.join(map(_interval, inspection.shapes[-dataset.dimensions :]))}"
        yield f"Spacing: {' × '.join(map(_interval, inspection.spacings_mm[-dataset.dimensions :]))} mm"
    for what, said in (("Licence", dataset.licence), ("Citation", dataset.citation)):
        if said:
            yield f"{what}: {said}"


def _cases(number: int) -> str:
    return "1 case" if number == 1 else f"{number} cases"


def _groups(inspection: Inspection) -> str:
    parts = [f"{cases} {group}" for group, cases in inspection.groups.items() if group]
    return f" ({', '.join(parts)})" if parts else ""


def _interval(interval: Interval | tuple[int, int] | None) -> str:
    if interval is None:
        return "none"
    least, most = interval
    return f"{least:.6g}" if least == most else f"{least:.6g} to {most:.6g}"


def _counts(counts: Sequence[int]) -> str:
    return _interval((min(counts), max(counts))) if counts else ""


def _rendered(table: Table, output: Output) -> str:
    """The table as text, as wide as the terminal; in a pipe nothing is folded."""
    terminal = Console()
    console = Console(file=io.StringIO(), width=terminal.width if terminal.is_terminal else _PIPE_WIDTH)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _document(inspection: Inspection) -> dict[str, Any]:
    dataset = inspection.dataset
    return {
        "path": str(dataset.root.resolve()),
        "layout": dataset.layout,
        "dimensions": dataset.dimensions,
        "modality": dataset.modality,
        "channels": list(dataset.channels),
        "classes": [asdict(info) for info in dataset.classes],
        "licence": dataset.licence,
        "citation": dataset.citation,
        "cases": [asdict(case) for case in inspection.facts],
        "problems": [asdict(problem) for problem in inspection.bad],
    }
