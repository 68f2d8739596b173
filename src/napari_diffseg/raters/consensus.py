"""One label map from several reads of a case."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt8

from napari_diffseg.errors import SettingsError
from napari_diffseg.fusion import StapleConsensus, majority, most_voted, staple_consensus, votes
from napari_diffseg.raters.stack import marked_planes, require_one_grid, stacked
from napari_diffseg.volume.grid import Box
from napari_diffseg.volume.label_map import LabelMap

Way = Literal["majority", "union", "intersection", "level", "staple"]
EmptyReads = Literal["saw nothing", "left out"]


@dataclass(frozen=True, slots=True)
class Reliability:
    """What STAPLE holds of one read and one structure.

    Args:
        read: its place among the reads that were given.
        label: of the structure.
        sensitivity: share of the structure's true voxels that the read gives it.
        specificity: share of the other voxels of the box that the read leaves out.
    """

    read: int
    label: int
    sensitivity: float
    specificity: float


@dataclass(frozen=True, slots=True, eq=False)
class Consensus:
    """What several reads say together.

    Args:
        labels: on the reads' grid; STAPLE's are 0 outside the box.
        way: how they were taken together.
        level: that was asked for; only "level" goes by it.
        counted: places of the reads that counted, among those given; the others were left out as empty.
        box: the voxels that STAPLE looked at; None for the other ways, to which it makes no difference.
        reliability: of each counted read and structure, for STAPLE.
        warnings: sentences that a person must know.
    """

    labels: LabelMap
    way: Way
    level: float
    counted: tuple[int, ...]
    box: Box | None
    reliability: tuple[Reliability, ...] = ()
    warnings: tuple[str, ...] = ()


def consensus(
    reads: Sequence[LabelMap],
    classes: int,
    *,
    way: Way = "majority",
    level: float = 0.5,
    empty_reads: EmptyReads = "saw nothing",
    box: Box | None = None,
) -> Consensus:
    """Take the reads of one case together.

    majority: the label most reads give a voxel, background included; a tie goes to the lowest label, so 2
    against 2 is background. union, intersection and level take each structure by itself: where at least
    one, all, or a share of `level` of the reads mark it; where several structures qualify, the one with
    most votes, of equal ones the lowest. staple: see `fusion.staple_consensus`.

    Args:
        reads: one a rater.
        classes: number of structures; labels above count as background.
        way: see above.
        level: more than 0, up to 1; at 0.5, 2 of 4 are enough.
        empty_reads: whether a read without a voxel counts as one that saw nothing, or is left out.
        box: where STAPLE looks, as its trust in a read depends on how much background there is; None for
            the whole scan. `stack.stated_box` gives the box that agreement is counted in.

    Returns:
        An empty label map where every read that counts is empty, or none does.

    Raises:
        SettingsError: the level is another number, or there is no read.
        GridMismatchError: the reads do not lie on one grid.
    """
    require_one_grid(reads)
    if not 0 < level <= 1:
        raise SettingsError(
            f"The level is {level:g}; it must be more than 0 and at most 1. Choose such a one."
        )
    counted = counted_reads(reads, empty_reads)
    chosen, grid = [reads[place] for place in counted], reads[0].grid
    looked_at = (box or Box.whole(grid.shape)) if way == "staple" else None
    labels = np.zeros(grid.shape, dtype=np.uint8)
    reliability: tuple[Reliability, ...] = ()
    warnings: tuple[str, ...] = ()
    if not any(read.data.any() for read in chosen):
        pass  # STAPLE would divide by zero
    elif looked_at is None:
        index = marked_planes(chosen).index
        labels[index] = _voted(stacked(chosen, index, classes), classes, way, level)
    else:
        drawn = stacked(chosen, looked_at.slices, classes)
        found = staple_consensus(drawn, classes)
        labels[looked_at.slices] = found.labels
        reliability, warnings = tuple(_reliability(found, counted)), tuple(_warnings(drawn, classes))
    whole = LabelMap(labels, grid, reads[0].origin)
    return Consensus(whole, way, level, counted, looked_at, reliability, warnings)


def soft_mean(
    reads: Sequence[LabelMap], classes: int, *, empty_reads: EmptyReads = "saw nothing"
) -> Float32[np.ndarray, "class D H W"]:
    """The share of reads that mark each structure at a voxel; 0 everywhere where none counts.

    Args:
        reads: one a rater.
        classes: number of structures.
        empty_reads: as in `consensus`.

    Raises:
        SettingsError: there is no read.
        GridMismatchError: the reads do not lie on one grid.
    """
    require_one_grid(reads)
    chosen = [reads[place] for place in counted_reads(reads, empty_reads)] or reads[:1]
    mean = np.zeros((classes, *reads[0].grid.shape), dtype=np.float32)
    index = marked_planes(chosen).index
    drawn = stacked(chosen, index, classes)
    for label, of_class in enumerate(mean, start=1):
        of_class[index] = votes(drawn, label) / np.float32(len(drawn))
    return mean


def counted_reads(reads: Sequence[LabelMap], empty_reads: EmptyReads) -> tuple[int, ...]:
    """Places of the reads that count."""
    return tuple(place for place, read in enumerate(reads) if empty_reads == "saw nothing" or read.data.any())


def _voted(
    drawn: UInt8[np.ndarray, "read d h w"], classes: int, way: Way, level: float
) -> UInt8[np.ndarray, "d h w"]:
    if way == "majority":
        return majority(drawn, classes)
    share = {"union": 0.0, "intersection": 1.0}.get(way, level)
    fewest = max(1, math.ceil(share * len(drawn) - 1e-9))  # 0.7 of 10 is 7, whatever floats say
    return most_voted(drawn, classes, above=fewest - 1)


def _reliability(trust: StapleConsensus, counted: tuple[int, ...]) -> Iterator[Reliability]:
    for read, *of_read in zip(counted, trust.sensitivity.tolist(), trust.specificity.tolist(), strict=True):
        for label, (sensitivity, specificity) in enumerate(zip(*of_read, strict=True), start=1):
            yield Reliability(read, label, sensitivity, specificity)


def _warnings(drawn: UInt8[np.ndarray, "read d h w"], classes: int) -> Iterator[str]:
    """A structure that some reads lack."""
    for label in range(1, classes + 1):
        empty = sum(not (read == label).any() for read in drawn)
        if 0 < empty < len(drawn):
            what = "are empty" if classes == 1 else f"hold nothing of label {label}"
            yield (
                f"{empty} of {len(drawn)} reads {what}. STAPLE may then take what the others marked for "
                "error and drop it; compare with the majority."
            )
