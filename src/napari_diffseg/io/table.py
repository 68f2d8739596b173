"""Tables for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_diffseg.errors import ResultError
from napari_diffseg.io.atomic import replacing

Cell = str | int | float | bool | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a CSV file, whole or not at all.

    Args:
        path: its folder exists; an old file is replaced.
        columns: their headings.
        rows: cells in the order of the columns. None and NaN become empty cells, truth values 1 and 0. A
            text that a spreadsheet would run as a formula (it begins with = + - @, a tab or a return) gets
            an apostrophe before it.

    Raises:
        ResultError: it could not be written; an old file stays.
    """
    try:
        with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*map(_text, columns)])
            writer.writerows([*map(_text, row)] for row in rows)
    except OSError as error:
        raise ResultError(
            f"{path} could not be written ({error.strerror or error}). Free some disk space, or close the "
            "program that has it open."
        ) from error


def _text(cell: Cell) -> str:
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA) else cell
    return repr(float(cell)) if isinstance(cell, float) else f"{cell:d}"
