"""How far a command is with many cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, Progress, TextColumn

from napari_diffseg.cli.output import Output

Item = TypeVar("Item")


def counted(items: Iterable[Item], total: int, output: Output) -> Iterator[Item]:
    """The items, with a bar on a terminal."""
    console = output.errors
    if output.quiet or not console.is_terminal:
        yield from items
        return
    columns = BarColumn(), TextColumn("{task.completed} of {task.total} cases read", markup=False)
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(items, total=total)
