"""What is in a data set, and everything wrong with it, case by case, before anything is trained on it."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Real

from napari_diffseg.datasets.case import Case, Group, LabelledScan
from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.tally import tally
from napari_diffseg.errors import DiffSegError
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume.grid import Shape, Spacing
from napari_diffseg.volume.scan import Scan

Interval = tuple[float, float]
"""Least and greatest."""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case as it was read.

    Args:
        name: of the case.
        patient: that it is of.
        group: where the data set itself puts it; None where it leaves that open.
        problem: what is wrong, with what to do; empty when nothing is.
        shape: voxels along (D, H, W); None when the case could not be read, as are the following.
        spacing_mm: voxel edge along (D, H, W).
        intensities: of each channel, over its finite voxels; none when it has no such voxel.
        voxels: of each class, in the mask of each rater.
        image_sha256: of the voxels of all channels.
    """

    name: str
    patient: str
    group: Group | None
    problem: str = ""
    shape: Shape | None = None
    spacing_mm: Spacing | None = None
    intensities: tuple[Interval | None, ...] = ()
    voxels: tuple[tuple[int, ...], ...] = ()
    image_sha256: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """A data set and the facts of each of its cases."""

    dataset: Dataset
    facts: tuple[CaseFacts, ...]

    @property
    def bad(self) -> tuple[Problem, ...]:
        """What is wrong, the cases that were left out while listing first."""
        return self.dataset.problems + tuple(
            Problem(case.name, case.problem) for case in self.facts if case.problem
        )

    @property
    def verdict(self) -> str:
        """One sentence when cases are bad; empty when none is."""
        names = list(dict.fromkeys(problem.case for problem in self.bad))
        if not names:
            return ""
        total = len({*names, *(case.name for case in self.facts)})
        some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
        return (
            f"{len(names)} of {total} cases {verb} bad: {some}. "
            f"Leave {them} out with --skip-bad, or repair {them}."
        )

    @property
    def patients(self) -> int:
        """How many there are."""
        return len({case.patient for case in self.facts})

    @property
    def groups(self) -> Counter[Group | None]:
        """Cases in each part of the data set's own."""
        return Counter(case.group for case in self.facts)

    @property
    def raters(self) -> Counter[int]:
        """Cases by their number of masks, as far as they could be read."""
        return Counter(len(case.voxels) for case in self.facts if case.voxels)

    @property
    def spacings_mm(self) -> tuple[Interval, ...]:
        """Along (D, H, W); empty when no case could be read."""
        return _ranges([case.spacing_mm for case in self.facts if case.spacing_mm])

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Likewise, in voxels."""
        ranges = _ranges([case.shape for case in self.facts if case.shape])
        return tuple((int(least), int(most)) for least, most in ranges)

    @property
    def intensities(self) -> tuple[Interval | None, ...]:
        """Of each channel; None for one without a finite voxel."""
        of_cases = zip(*(case.intensities for case in self.facts if case.intensities), strict=True)
        return tuple(_union([interval for interval in channel if interval]) for channel in of_cases)

    @property
    def cases_of_class(self) -> tuple[int, ...]:
        """Cases in which some rater marked the class, for each class."""
        return tuple(
            sum(any(read[place] for read in case.voxels) for case in self.facts)
            for place in range(len(self.dataset.classes))
        )


def inspect(dataset: Dataset) -> Iterator[CaseFacts]:
    """Read every case, a few at once.

    An image that two patients share is told of at the later one.

    Yields:
        The facts of each case, in the order of the data set.
    """
    first: dict[str, Case] = {}
    threads = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        read = threads.map(partial(_facts, classes=dataset.classes), dataset.cases)
        for case, facts in zip(dataset.cases, read, strict=True):
            twin = first.setdefault(facts.image_sha256, case) if facts.image_sha256 else case
            yield facts if twin.patient == case.patient else _with_twin(facts, twin)
    finally:
        threads.shutdown(cancel_futures=True)


def _facts(case: Case, classes: tuple[ClassInfo, ...]) -> CaseFacts:
    known = CaseFacts(case.name, case.patient, case.group)
    try:
        found = case.read()
    except DiffSegError as error:
        return replace(known, problem=str(error))
    except (OSError, MemoryError) as error:
        return replace(known, problem=f"It cannot be read ({error}). Copy it again from its source.")
    counts = [tally(mask.data).tolist() for mask in found.reads]
    return replace(
        known,
        problem=" ".join(_wrong(found, counts, len(classes))),
        shape=found.scan.grid.shape,
        spacing_mm=found.scan.grid.spacing_mm,
        intensities=tuple(map(_interval, found.scan.data)),
        voxels=tuple(
            tuple(count[label] if label < len(count) else 0 for label in range(1, len(classes) + 1))
            for count in counts
        ),
        image_sha256=hashlib.sha256(np.ascontiguousarray(found.scan.data).data).hexdigest(),
    )


def _wrong(found: LabelledScan, counts: list[list[int]], classes: int) -> Iterator[str]:
    """Sentences on what could be read and still cannot be trained on."""
    yield from _wrong_image(found.scan)
    if len(counts) == 1 and not any(counts[0][1:]):  # several raters may all have seen nothing
        yield "The mask is empty. Draw what is missing, or leave the case out."
    highest = max(len(count) for count in counts) - 1
    if highest > classes:
        yield f"A mask holds the label {highest}, and there are {classes} classes. Correct one of the two."


def _wrong_image(scan: Scan) -> Iterator[str]:
    for name, channel in zip(scan.channels, scan.data, strict=True):
        interval = _interval(channel)
        strange = channel.size - int(np.isfinite(channel).sum())
        if strange:
            yield f"{strange} voxels of “{name}” are no numbers. Export the image again."
        if interval and interval[0] == interval[1]:
            yield f"“{name}” is {interval[0]:g} everywhere. Export the image again."


def _interval(channel: Real[np.ndarray, "D H W"]) -> Interval | None:
    finite = np.isfinite(channel)
    values = channel if finite.all() else channel[finite]
    return (float(values.min()), float(values.max())) if values.size else None


def _with_twin(facts: CaseFacts, twin: Case) -> CaseFacts:
    said = f"Its image is that of {twin.name} of another patient, voxel for voxel. Leave one of the two out."
    return replace(facts, problem=f"{facts.problem} {said}".strip())


def _ranges(triples: list[tuple[float, float, float]] | list[tuple[int, int, int]]) -> tuple[Interval, ...]:
    return tuple((float(min(axis)), float(max(axis))) for axis in zip(*triples, strict=True))


def _union(intervals: list[Interval]) -> Interval | None:
    return (min(low for low, _ in intervals), max(high for _, high in intervals)) if intervals else None
