"""Readers' names as a person types them."""

from __future__ import annotations

from collections.abc import Iterable

from napari_diffseg.raters.project_document import NUMBERED


def names_in(text: str) -> tuple[str, ...]:
    """The names in a text, separated by commas."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


def problem_with(readers: Iterable[str], taken: Iterable[str] = ()) -> str:
    """Why somebody cannot be called so, in a sentence; empty where all can.

    Args:
        readers: names of new ones.
        taken: names of those who read already.
    """
    known = {name.casefold() for name in taken}
    for name in readers:
        if NUMBERED.fullmatch(name):
            return f"“{name}” is what readers are called where names are hidden. Choose another name."
        if name.casefold() in known:
            return f"“{name}” reads in this project already. Choose another name."
        known.add(name.casefold())
    return ""
