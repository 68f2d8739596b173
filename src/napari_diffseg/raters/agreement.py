"""How far the reads of one case agree: pair by pair, voxel by voxel, lesion by lesion.

The same numbers serve several raters and several sessions of one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float64

from napari_diffseg.fusion import votes
from napari_diffseg.metrics import dice, iou
from napari_diffseg.metrics.agreement import fleiss_kappa, krippendorff_alpha
from napari_diffseg.metrics.surface import hd95_of_surfaces_mm, surface_voxels
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.consensus import EmptyReads
from napari_diffseg.raters.detection import Detection, MatchingRule, detection
from napari_diffseg.raters.planes import Planes
from napari_diffseg.raters.stack import MARGIN_MM, marked_planes, stacked, stated_box
from napari_diffseg.volume.grid import Box, Grid


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two reads and one structure.

    Args:
        first, second: their raters.
        dice: 1 where both are empty, 0 where one is; so for the next.
        iou: intersection over union.
        hd95_mm: NaN where either is empty.
        volume_difference_ml: of the first less that of the second.
        marked: how many of the two mark it at all.
    """

    first: str
    second: str
    dice: float
    iou: float
    hd95_mm: float
    volume_difference_ml: float
    marked: int


@dataclass(frozen=True, slots=True)
class StructureAgreement:
    """All reads and one structure.

    Args:
        structure: its name.
        voxels: in each read.
        volumes_ml: likewise.
        pairs: of different reads.
        kappa: Fleiss', over the voxels of the box; NaN where no read marks anything in it, all mark all,
            or there is one read.
        alpha: Krippendorff's, likewise.
    """

    structure: str
    voxels: tuple[int, ...]
    volumes_ml: tuple[float, ...]
    pairs: tuple[PairAgreement, ...]
    kappa: float
    alpha: float


@dataclass(frozen=True, slots=True)
class CaseAgreement:
    """One case.

    Args:
        case: its name.
        patient: whose it is.
        raters: of the reads that counted.
        left_out: raters whose reads marked nothing and were left out.
        box: the voxels that kappa and alpha count, by `stack.rule_of` the margin.
        margin_mm: of the box.
        structures: a row each.
        detection: which lesions were seen by whom.
    """

    case: str
    patient: str
    raters: tuple[str, ...]
    left_out: tuple[str, ...]
    box: Box
    margin_mm: float
    structures: tuple[StructureAgreement, ...]
    detection: Detection


def agreement(
    case: CaseReads,
    structures: Sequence[str],
    *,
    empty_reads: EmptyReads = "saw nothing",
    margin_mm: float = MARGIN_MM,
    rule: MatchingRule | None = None,
) -> CaseAgreement:
    """Hold the reads of a case against one another.

    Args:
        case: several raters, or several sessions of one.
        structures: names of the classes; label k is the k-th.
        empty_reads: whether a read that marks nothing counts as one that saw nothing, or is left out.
        margin_mm: of the box that kappa and alpha are counted in, around all that some read marks.
        rule: when marks of two raters are of one lesion; None takes the one by default.

    Raises:
        SettingsError: the margin is negative.
    """
    counted = case.counted(empty_reads)
    grid, box = counted.reads[0].grid, stated_box(counted.reads, margin_mm=margin_mm)
    planes = marked_planes(counted.reads)
    drawn = stacked(counted.reads, planes.index, len(structures))
    background = math.prod(box.shape) - planes.size
    return CaseAgreement(
        case=case.case,
        patient=case.patient or case.case,
        raters=counted.raters,
        left_out=tuple(rater for rater in case.raters if rater not in counted.raters),
        box=box,
        margin_mm=margin_mm,
        structures=tuple(
            _of_structure(drawn == label, name, _Place(counted.raters, grid, planes, background))
            for label, name in enumerate(structures, start=1)
        ),
        detection=detection(counted.lesions(), grid.spacing_mm, rule),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Whose masks, and where.

    Args:
        raters: of the masks.
        grid: of the scan.
        planes: that the masks were cut down to.
        background: voxels of the stated box that were cut away.
    """

    raters: tuple[str, ...]
    grid: Grid
    planes: Planes
    background: int


def _of_structure(masks: Bool[np.ndarray, "read d h w"], name: str, place: _Place) -> StructureAgreement:
    voxels = tuple(int(np.count_nonzero(mask)) for mask in masks)
    kappa, alpha = _beyond_chance(masks, place.background)
    return StructureAgreement(
        structure=name,
        voxels=voxels,
        volumes_ml=tuple(count * place.grid.voxel_ml for count in voxels),
        pairs=tuple(_pairs(masks, voxels, place)),
        kappa=kappa,
        alpha=alpha,
    )


def _beyond_chance(masks: Bool[np.ndarray, "read d h w"], background: int) -> tuple[float, float]:
    """Kappa and alpha of a structure against all else, from how many voxels have how many votes."""
    reads = len(masks)
    if reads < 2:
        return math.nan, math.nan
    counts, marking = votes(masks.view(np.uint8), 1), np.arange(reads + 1)
    table = np.stack([reads - marking, marking], axis=1)
    repeats = np.array([np.count_nonzero(counts == number) for number in marking])
    repeats[0] += background
    return fleiss_kappa(table, repeats), krippendorff_alpha(table, repeats)


def _pairs(
    masks: Bool[np.ndarray, "read d h w"], voxels: Sequence[int], place: _Place
) -> Iterator[PairAgreement]:
    surfaces_mm = [_surface_mm(mask, place) for mask in masks]
    for one, other in combinations(range(len(masks)), 2):
        yield PairAgreement(
            first=place.raters[one],
            second=place.raters[other],
            dice=float(dice(masks[one], masks[other])),
            iou=float(iou(masks[one], masks[other])),
            hd95_mm=hd95_of_surfaces_mm(surfaces_mm[one], surfaces_mm[other]),
            volume_difference_ml=(voxels[one] - voxels[other]) * place.grid.voxel_ml,
            marked=(voxels[one] > 0) + (voxels[other] > 0),
        )


def _surface_mm(mask: Bool[np.ndarray, "d h w"], place: _Place) -> Float64[np.ndarray, "voxel 3"]:
    if place.grid.shape[0] > 1:
        found = surface_voxels(mask)
    else:  # an image: as a volume, all of a mask would be surface
        found = np.pad(surface_voxels(np.asarray(mask.any(axis=0))), ((0, 0), (1, 0)))
    return place.planes.voxels(found) * np.asarray(place.grid.spacing_mm)
