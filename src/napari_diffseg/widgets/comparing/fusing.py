"""Reads of a case taken together, in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event as Flag
from typing import Literal

import numpy as np
from jaxtyping import Float32

from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.consensus import Consensus, Way, consensus, soft_mean
from napari_diffseg.raters.stack import stated_box
from napari_diffseg.volume import Box

Wanted = Way | Literal["mean"]


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """What came of it.

    Args:
        wanted: the way.
        readers: whose reads counted.
        consensus: None for the soft mean.
        share: of readers that mark each structure, on the box; None for the other ways.
        box: around all reads.
        volumes_ml: of each structure: of the label map, or the mean of the readers'.
    """

    wanted: Wanted
    readers: tuple[str, ...]
    consensus: Consensus | None
    share: Float32[np.ndarray, "class D H W"] | None
    box: Box
    volumes_ml: tuple[float, ...]


def fuse(reads: CaseReads, classes: int, wanted: Wanted, level: float, given_up: Flag) -> Iterator[Fused]:
    """Take reads together.

    Args:
        reads: that count.
        classes: number of structures.
        wanted: see `raters.consensus.consensus`; "mean" is the share of readers.
        level: of the way "level".
        given_up: not heard; it is soon done.

    Raises:
        SettingsError: the level is no share.
    """
    box, ml = stated_box(reads.reads), reads.reads[0].grid.voxel_ml
    if wanted == "mean":
        share = soft_mean(reads.reads, classes)
        volumes = tuple(float(of.sum(dtype=np.float64)) * ml for of in share)
        yield Fused(wanted, reads.raters, None, share[(slice(None), *box.slices)], box, volumes)
        return
    found = consensus(reads.reads, classes, way=wanted, level=level, box=box)
    voxels = np.bincount(found.labels.data[box.slices].ravel(), minlength=classes + 1)[1:]
    yield Fused(wanted, reads.raters, found, None, box, tuple(float(count) * ml for count in voxels))
