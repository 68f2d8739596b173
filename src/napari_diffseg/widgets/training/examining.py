"""Opening and looking through a data set in a thread; nothing here knows Qt."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag

from napari_diffseg.datasets.case import Case
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.inspection import Inspection, inspect
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.errors import DiffSegError
from napari_diffseg.widgets.training.picture import Picture, picture_of

_PICTURES = 3
_EVERY_S = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """What is known of a data set so far.

    Args:
        inspection: of the cases that were read by now.
        done: whether those are all.
    """

    inspection: Inspection
    done: bool


def examine(path: Path, given_up: Flag) -> Iterator[Dataset | Picture | Progress]:
    """Open, then give pictures of three cases, then what is known as cases are read, now and then.

    Args:
        path: of a folder or a file.
        given_up: set when nobody wants to know any more.

    Raises:
        DatasetError: it is no data set.
    """
    if given_up.is_set():
        return
    dataset = open_dataset(path)
    yield dataset
    for picture in _pictures(dataset):
        if given_up.is_set():
            return
        yield picture
    facts, told = [], time.monotonic()
    for case in inspect(dataset):
        if given_up.is_set():
            return
        facts.append(case)
        if time.monotonic() - told > _EVERY_S:
            yield Progress(Inspection(dataset, tuple(facts)), done=False)
            told = time.monotonic()
    yield Progress(Inspection(dataset, tuple(facts)), done=True)


def _pictures(dataset: Dataset) -> Iterator[Picture]:
    """Of cases from the beginning, the middle and the end; of others where one cannot be read."""
    shown = 0
    for case in _spread(dataset.cases):
        try:
            yield picture_of(case.name, case.read(), dataset.classes)
        except (DiffSegError, OSError, MemoryError):  # the inspection says why
            continue
        shown += 1
        if shown == _PICTURES:
            return


def _spread(cases: tuple[Case, ...]) -> Iterator[Case]:
    first = dict.fromkeys(round(place * (len(cases) - 1) / (_PICTURES - 1)) for place in range(_PICTURES))
    order = [*first, *(place for place in range(len(cases)) if place not in first)]
    yield from (cases[place] for place in order)
