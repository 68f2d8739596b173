"""A model's ensemble against the people who drew the same case."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.stats import t as student

from napari_diffseg.errors import GridMismatchError, ResultError
from napari_diffseg.metrics import EnergyDistance, energy_distance, matched_iou
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.exchangeability import Distances, distances
from napari_diffseg.raters.stack import stacked
from napari_diffseg.results.result import Result
from napari_diffseg.volume.grid import Grid
from napari_diffseg.volume.mismatch import mismatch


@dataclass(frozen=True, slots=True, eq=False)
class ModelAgainstRaters:
    """One structure of one case.

    Args:
        case: its name.
        patient: whose it is.
        structure: its name.
        raters: names, in the order of what follows.
        members: how many were drawn.
        ged: energy distance with 1 − IoU, published and unbiased.
        matched_iou: under the best matching of members and raters.
        variance_correlation: Pearson's, of the members' and the raters' variance over the voxels of the
            box; NaN where either is 0 everywhere.
        interval_ml: in which one further member's volume would lie with 95 %; None with one member.
        volumes_ml: of the raters.
        inside: whether each of these lies in the interval; none with one member.
        distances: between all masks, which the verdict rests on.
    """

    case: str
    patient: str
    structure: str
    raters: tuple[str, ...]
    members: int
    ged: EnergyDistance
    matched_iou: float
    variance_correlation: float
    interval_ml: tuple[float, float] | None
    volumes_ml: tuple[float, ...]
    inside: tuple[bool, ...]
    distances: Distances


def against_model(result: Result, case: CaseReads) -> tuple[ModelAgainstRaters, ...]:
    """Hold a result's hard members against the reads, on the voxels of the result's box.

    Args:
        result: with its members, as `results.folder.read_result` gives it.
        case: reads on the scan's grid; label k is the result's k-th class, labels above are background.

    Returns:
        One for each class of the result.

    Raises:
        GridMismatchError: the reads do not lie on the result's scan.
        ResultError: the result was saved without members.
    """
    if not len(result.members):
        raise ResultError(
            f"The result of {case.case} has no members to compare. Segment again and keep the members."
        )
    difference = mismatch(case.reads[0].grid, result.scan_grid)
    if difference:
        raise GridMismatchError(
            f"The reads of {case.case} do not lie on the result's scan: {difference}. "
            "Choose the result of this scan."
        )
    drawn = stacked(case.reads, result.box.slices, len(result.classes))
    return tuple(
        compare(result.members == label, drawn == label, result.scan_grid, case=case, structure=info.name)
        for label, info in enumerate(result.classes, start=1)
    )


def compare(
    members: Bool[np.ndarray, "member D H W"],
    drawn: Bool[np.ndarray, "rater D H W"],
    grid: Grid,
    *,
    case: CaseReads,
    structure: str,
) -> ModelAgainstRaters:
    """Hold members against raters, one structure on one box of voxels.

    Args:
        members: that a model drew.
        drawn: by each rater of the case, in order.
        grid: of the scan, for the size of its voxels.
        case: names the case and the raters.
        structure: its name.
    """
    marked = members.any(axis=0) | drawn.any(axis=0)  # what nobody marks is in no overlap
    ours, theirs = members[:, marked], drawn[:, marked]
    members_ml, volumes_ml = (masks.sum(axis=1) * grid.voxel_ml for masks in (ours, theirs))
    interval = interval_of_next(members_ml)
    low, high = interval or (math.nan, math.nan)
    return ModelAgainstRaters(
        case=case.case,
        patient=case.patient or case.case,
        structure=structure,
        raters=case.raters,
        members=len(members),
        ged=energy_distance(ours, theirs),
        matched_iou=matched_iou(ours, theirs),
        variance_correlation=_correlation(_variance(ours), _variance(theirs), marked.size),
        interval_ml=interval,
        volumes_ml=tuple(volumes_ml.tolist()),
        inside=tuple(low <= volume <= high for volume in volumes_ml.tolist()) if interval else (),
        distances=distances(ours, theirs),
    )


def interval_of_next(volumes_ml: Float64[np.ndarray, " member"]) -> tuple[float, float] | None:
    """Where one further member's volume would lie with 95 %, if volumes are normal.

    A prediction interval, and not percentiles of the members: those of five members would hold a sixth
    in two of three cases only, and so call any model over-confident. Few members make it wide.

    Args:
        volumes_ml: of the members.

    Returns:
        The ends, the lower at least 0; None with fewer than two members.

    Source:
        Whitmore, Prediction Limits for a Univariate Normal Observation, American Statistician 40(2), 1986.
    """
    n = len(volumes_ml)
    if n < 2:
        return None
    half = float(student.ppf(0.975, n - 1) * volumes_ml.std(ddof=1) * math.sqrt(1 + 1 / n))
    middle = float(volumes_ml.mean())
    return max(0.0, middle - half), middle + half


def _variance(masks: Bool[np.ndarray, "mask voxel"]) -> Float64[np.ndarray, " voxel"]:
    share = masks.mean(axis=0)
    return share * (1 - share)


def _correlation(
    ours: Float64[np.ndarray, " voxel"], theirs: Float64[np.ndarray, " voxel"], voxels: int
) -> float:
    """Pearson's over so many voxels; both are 0 in those that are not given."""
    mean, other = ours.sum() / voxels, theirs.sum() / voxels
    spread = (ours @ ours / voxels - mean**2) * (theirs @ theirs / voxels - other**2)
    return float((ours @ theirs / voxels - mean * other) / math.sqrt(spread)) if spread > 0 else math.nan
