"""What a run learns from and is judged by: the data set, its parts, the prepared cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator

from napari_diffseg.datasets.case import Case
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.datasets.split import Split, read_split, write_split
from napari_diffseg.errors import DatasetError, DiffSegError
from napari_diffseg.training.cache import CachedCase, cached
from napari_diffseg.training.config import RunConfig
from napari_diffseg.training.control import Stopped
from napari_diffseg.training.events import Event, Prepared, Warned
from napari_diffseg.training.folder import CACHE, SPLIT
from napari_diffseg.training.parting import parted
from napari_diffseg.training.start import by_the_first

_TIMES_SAID = 100


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """All data of a run.

    Args:
        dataset: as it was opened.
        split: its parts.
        cases: of the training part, prepared.
        validation: of the validation part, as many as are wanted.
    """

    dataset: Dataset
    split: Split
    cases: tuple[CachedCase, ...]
    validation: tuple[Case, ...]

    @property
    def classes(self) -> int:
        """With background."""
        return len(self.dataset.classes) + 1


def gather(
    run: Path,
    config: RunConfig,
    accelerator: Accelerator,
    *,
    say: Callable[[Event], None],
    go_on: Callable[[], bool],
) -> Material:
    """Open the data set, part it where that is not done yet, and prepare every case that is needed.

    Args:
        run: its folder.
        config: of the run.
        accelerator: the first process does the work, and the others read what it wrote.
        say: is told how it goes.
        go_on: asked before each case.

    Raises:
        Stopped: `go_on` said no.
        DatasetError: there is no such data set, or a case cannot be used and may not be left out.
    """
    dataset = open_dataset(config.data.path)
    usable = by_the_first(accelerator, lambda: _usable(run, config, dataset, say, go_on))
    split = read_split(run / SPLIT)
    train, validation = _wanted(config, dataset, split)
    cases = [
        _prepared(run, config, dataset, number, case)
        for number, case in enumerate(train, start=1)
        if case.name in usable
    ]
    return Material(dataset, split, tuple(cases), tuple(case for case in validation if case.name in usable))


def _usable(
    run: Path, config: RunConfig, dataset: Dataset, say: Callable[[Event], None], go_on: Callable[[], bool]
) -> set[str]:
    """Names of the cases that can be prepared; a bad one stops the run unless it may be left out.

    Those for validation are prepared too, though nobody reads that: what is wrong with one is told now.
    """
    if not (run / SPLIT).exists():
        write_split(parted(dataset, config.data), run / SPLIT)
    train, validation = _wanted(config, dataset, read_split(run / SPLIT))
    cases, usable = (*train, *validation), set()
    for number, case in enumerate(cases, start=1):
        if not go_on():
            raise Stopped
        try:
            _prepared(run, config, dataset, number, case)
            usable.add(case.name)
        except DiffSegError as error:
            if not config.data.skip_bad:
                raise DatasetError(
                    f"Case {case.name} cannot be used. {error} Or leave out all bad cases with --skip-bad."
                ) from error
            say(Warned(sentence=f"Case {case.name} was left out. {error}"))
        if number % max(1, len(cases) // _TIMES_SAID) == 0 or number == len(cases):
            say(Prepared(done=number, cases=len(cases)))
    return usable


def _wanted(config: RunConfig, dataset: Dataset, split: Split) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """The cases for training, and those for validation."""
    return dataset.chosen(split.train), dataset.chosen(split.validation[: config.validation.cases])


def _prepared(run: Path, config: RunConfig, dataset: Dataset, number: int, case: Case) -> CachedCase:
    return cached(case, config.preparation, len(dataset.classes) + 1, run / CACHE / f"{number:06d}")
