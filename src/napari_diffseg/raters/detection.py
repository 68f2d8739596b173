"""Which lesions were seen by whom: marks of several raters matched into findings.

There is no kappa here: nobody can count the lesions that all rightly left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from jaxtyping import Float64, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from napari_diffseg.errors import SettingsError
from napari_diffseg.raters.lidc.grouping import LEAST_IOU, Outlined, groups
from napari_diffseg.raters.marks import Marks
from napari_diffseg.volume.grid import Shape, Spacing


@dataclass(frozen=True, slots=True)
class MatchingRule:
    """When marks of two raters are of one lesion.

    Args:
        least_iou: of two masks, see `lidc.grouping`; at 0 one shared voxel is enough.
        reach_mm: of a point, to the nearest voxel of a mask or to another point.
    """

    least_iou: float = LEAST_IOU
    reach_mm: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            SettingsError: the overlap lies outside 0 to 1, or the distance is negative.
        """
        if not (0 <= self.least_iou <= 1 and 0 <= self.reach_mm < math.inf):
            raise SettingsError(
                f"Lesions are matched from an IoU of {self.least_iou:g} and within {self.reach_mm:g} mm; "
                "the IoU must lie from 0 to 1 and the distance be 0 mm or more. Choose such ones."
            )

    @property
    def words(self) -> str:
        """The rule as it is shown and written."""
        overlap = f"an IoU of at least {self.least_iou:g}" if self.least_iou else "a shared voxel"
        return (
            f"masks with {overlap}, the greatest overlap first and no rater twice in a lesion; "
            f"a point within {self.reach_mm:g} mm of the nearest mask or of another point"
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One lesion that somebody marked.

    Args:
        raters: places of those who marked it.
        kinds: what each of these calls it; of several marks of one rater the first.
        voxel: its middle.
    """

    raters: tuple[int, ...]
    kinds: tuple[str, ...]
    voxel: Shape


@dataclass(frozen=True, slots=True)
class Detection:
    """The findings of one case.

    Args:
        raters: how many looked.
        findings: in the order of their middles, from below.
        rule: how marks were matched.
    """

    raters: int
    findings: tuple[Finding, ...]
    rule: MatchingRule

    @property
    def seen_by(self) -> tuple[int, ...]:
        """Findings seen by exactly 1, 2, … of the raters."""
        counts = [len(finding.raters) for finding in self.findings]
        return tuple(counts.count(number) for number in range(1, self.raters + 1))

    @property
    def agreement(self) -> float:
        """Mean over pairs of raters of 2 · shared / (findings of the one + findings of the other).

        Pairs that marked nothing are left out; NaN where all are.

        Source:
            Positive agreement: Cicchetti and Feinstein, Journal of Clinical Epidemiology 43(6), 1990.
        """
        of_pairs = [self._shared(one, other) for one, other in combinations(range(self.raters), 2)]
        return float(np.nanmean(of_pairs)) if not np.isnan(of_pairs).all() else math.nan

    def _shared(self, one: int, other: int) -> float:
        by_one = [one in finding.raters for finding in self.findings]
        by_other = [other in finding.raters for finding in self.findings]
        marked = sum(by_one) + sum(by_other)
        return 2 * sum(map(min, by_one, by_other)) / marked if marked else math.nan


def detection(marks: Sequence[Marks], spacing_mm: Spacing, rule: MatchingRule | None = None) -> Detection:
    """Match the marks of several raters on one case.

    Args:
        marks: of each rater; of one who saw nothing, none.
        spacing_mm: of the scan.
        rule: when two marks are of one lesion; None takes the one by default.
    """
    rule = rule or MatchingRule()
    first = np.cumsum([0, *(len(of_rater.kinds) for of_rater in marks)]).tolist()
    joined = list(_same_masks(marks, first, rule.least_iou)) + [
        (first[one] + point, first[other] + mark)
        for one, other in permutations(range(len(marks)), 2)
        for point, mark in _near(marks[one], marks[other], spacing_mm, rule.reach_mm)
    ]
    group = _connected(joined, first[-1])
    rater = np.repeat(np.arange(len(marks)), np.diff(first))
    kinds = [kind for of_rater in marks for kind in of_rater.kinds]
    middles = np.concatenate([np.zeros((0, 3)), *(of_rater.middles for of_rater in marks)])
    findings = [
        _finding(np.flatnonzero(group == number), rater, kinds, middles) for number in np.unique(group)
    ]
    return Detection(len(marks), tuple(sorted(findings, key=lambda finding: finding.voxel)), rule)


def _finding(
    members: Int[np.ndarray, " mark"],
    rater: Int[np.ndarray, " every"],
    kinds: Sequence[str],
    middles: Float64[np.ndarray, "every 3"],
) -> Finding:
    kind_of = {int(rater[member]): kinds[member] for member in members[::-1]}
    seen_by = tuple(sorted(kind_of))
    z, y, x = np.rint(middles[members].mean(axis=0)).astype(int).tolist()
    return Finding(seen_by, tuple(kind_of[place] for place in seen_by), (z, y, x))


def _connected(joined: Sequence[tuple[int, int]], count: int) -> Int[np.ndarray, " mark"]:
    rows, columns = np.array(joined, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1])


def _same_masks(marks: Sequence[Marks], first: Sequence[int], least_iou: float) -> Iterator[tuple[int, int]]:
    """Each mask with the first one of its group."""
    farthest = np.max([of_rater.voxels.max(axis=0, initial=0) for of_rater in marks], axis=0)
    masks: list[int] = []
    outlined = []
    for reader, of_rater in enumerate(marks):
        places = np.ravel_multi_index(tuple(of_rater.voxels.T), tuple(farthest + 1))
        for mask in range(of_rater.masks):
            masks.append(first[reader] + mask)
            outlined.append(Outlined(reader, places[of_rater.lesion == mask]))
    first_of: dict[int, int] = {}
    for mask, group in zip(masks, groups(outlined, least_iou=least_iou), strict=True):
        yield mask, first_of.setdefault(group, mask)


def _near(one: Marks, other: Marks, spacing_mm: Spacing, reach_mm: float) -> Iterator[tuple[int, int]]:
    """The one's points with the other's, and with the other's nearest mask."""
    points_mm = one.points * np.asarray(spacing_mm)
    apart_mm = np.linalg.norm(points_mm[:, None] - other.points * np.asarray(spacing_mm), axis=2)
    for point, twin in np.argwhere(apart_mm <= reach_mm).tolist():
        yield one.masks + point, other.masks + twin
    if len(points_mm) and other.masks:
        apart_mm, nearest = KDTree(other.voxels * np.asarray(spacing_mm)).query(points_mm)
        for point in np.flatnonzero(apart_mm <= reach_mm).tolist():
            yield one.masks + point, int(other.lesion[nearest[point]])
