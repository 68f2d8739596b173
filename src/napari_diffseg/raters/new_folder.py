"""A project that is made of other data: there as a whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from napari_diffseg.errors import DiffSegError, RaterProjectError
from napari_diffseg.io.atomic import replacing_folder
from napari_diffseg.raters.cases import add_notes
from napari_diffseg.raters.document import unsaved
from napari_diffseg.raters.project import Project


@runtime_checkable
class Named(Protocol):
    """What becomes a case."""

    @property
    def name(self) -> str:
        """Of it, in its data set."""


@contextmanager
def made_in_place(out: Path) -> Iterator[Path]:
    """Make a project under a temporary name beside `out`, then put it there at once.

    Args:
        out: the folder to make; only the one above it is there.

    Yields:
        The temporary folder, empty.

    Raises:
        RaterProjectError: `out` is there already, the folder above it is not, or it cannot be written.
    """
    if out.exists():
        raise RaterProjectError(f"{out} is there already. Choose the name of a new folder.")
    if not out.parent.is_dir():
        raise RaterProjectError(f"There is no folder {out.parent} to make {out.name} in. Make it first.")
    try:
        with replacing_folder(out) as partial:
            yield partial
    except OSError as error:
        raise unsaved(out, error) from error


def filled(
    project: Project,
    cases: Iterable[Named],
    add: Callable[[Project, Any], Project],
    *,
    left_out: Sequence[str],
    nothing: str,
    advice: str,
) -> Project:
    """Add the cases that can be added; the project's notes say of the others why not.

    Args:
        project: a new one.
        cases: to add.
        add: gives the project with one of them.
        left_out: sentences on what was left out before.
        nothing: what to say where no case could be added; the first of those sentences follows.
        advice: what follows where nothing was left out.

    Raises:
        RaterProjectError: no case could be added, or raters.json cannot be written.
    """
    told = list(left_out)
    for case in cases:
        try:
            project = add(project, case)
        except DiffSegError as error:
            told.append(f"{case.name} was left out. {error}")
    if not project.document.cases:
        raise RaterProjectError(f"{nothing} {told[0] if told else advice}")
    return add_notes(project, told)
