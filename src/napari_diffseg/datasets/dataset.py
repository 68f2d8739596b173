"""A folder of cases as an adapter found it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_diffseg.datasets.case import Case
from napari_diffseg.errors import DatasetError
from napari_diffseg.results.result import ClassInfo


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one case, in a sentence with what to do about it."""

    case: str
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Cases of one kind.

    Args:
        root: the folder or file that was opened.
        layout: title of the layout, as a person knows it.
        channels: names of every scan's channels.
        classes: foreground; label k is the k-th.
        cases: that can perhaps be read, in the order of their names.
        dimensions: 3 for scans, 2 for images.
        modality: "MR", "CT" or empty when unknown.
        problems: cases that were left out already while listing, such as a label without an image.
        licence: of the data, where the layout says it.
        citation: likewise.
        notes: what everybody who uses the masks should know, a sentence or two each.
    """

    root: Path
    layout: str
    channels: tuple[str, ...]
    classes: tuple[ClassInfo, ...]
    cases: tuple[Case, ...]
    dimensions: Literal[2, 3] = 3
    modality: str = ""
    problems: tuple[Problem, ...] = ()
    licence: str = ""
    citation: str = ""
    notes: tuple[str, ...] = ()

    def chosen(self, names: Iterable[str]) -> tuple[Case, ...]:
        """The cases of these names, in the order of the names.

        Raises:
            DatasetError: there is no such case.
        """
        by_name = {case.name: case for case in self.cases}
        wanted = tuple(names)
        missing = [name for name in wanted if name not in by_name]
        if missing:
            raise DatasetError(
                f"{self.root.name} lacks {len(missing)} of the {len(wanted)} cases asked for, such as "
                f"{missing[0]}. Choose the folder that these names are from."
            )
        return tuple(by_name[name] for name in wanted)
