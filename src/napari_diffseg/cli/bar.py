"""How far a command is with many cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.progress import BarColumn, Progress, TextColumn

from napari_diffseg.cli.output import Output

Item = TypeVar("Item")


@contextmanager
def bar(doing: str, output: Output) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, none elsewhere.

    Args:
        doing: what is done to the cases, for example "read".
        output: of the command.

    Yields:
        A function that is told how many cases are done, and of how many.
    """
    console = output.errors
    columns = BarColumn(), TextColumn(f"{{task.completed}} of {{task.total}} cases {doing}", markup=False)
    hidden = output.quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, cases: progress.update(task, completed=done, total=cases)


def counted(items: Iterable[Item], total: int, output: Output) -> Iterator[Item]:
    """The items, with a bar."""
    with bar("read", output) as show:
        for number, item in enumerate(items, start=1):
            yield item
            show(number, total)
