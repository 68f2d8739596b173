"""Agreement over many cases, each number with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_diffseg.errors import SettingsError
from napari_diffseg.raters.agreement import CaseAgreement, PairAgreement, StructureAgreement
from napari_diffseg.raters.estimate import Estimate, estimate, mean_of_defined


@dataclass(frozen=True, slots=True)
class StructureSummary:
    """One structure over all cases. Of a case with two or more reads its mean over pairs counts once.

    Args:
        structure: its name.
        dice, iou: over the pairs of different reads; 1 where both are empty.
        expected_distance: 1 − IoU over the same pairs: how far two reads lie apart.
        expected_distance_with_self: the same over all ordered pairs, each read beside itself too, as the
            generalised energy distance counts.
        hd95_mm: over the pairs of which both mark something.
        volume_difference_ml: size of the difference, over all pairs.
        dice_both, iou_both: over the pairs of which both mark something, each pair once.
        kappa, alpha: of the voxels in each case's box.
        identical: share of pairs that are equal, voxel for voxel.
        empty: share of reads that mark nothing.
        empty_by_rater: the same by the place of the read in its case.
        voxels: least, median and greatest of the reads that mark something; None without any.
    """

    structure: str
    dice: Estimate
    iou: Estimate
    expected_distance: Estimate
    expected_distance_with_self: Estimate
    hd95_mm: Estimate
    volume_difference_ml: Estimate
    dice_both: Estimate
    iou_both: Estimate
    kappa: Estimate
    alpha: Estimate
    identical: Estimate
    empty: Estimate
    empty_by_rater: tuple[float, ...]
    voxels: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class AgreementSummary:
    """All cases.

    Args:
        cases: how many.
        patients: how many they are of.
        reads: how many counted.
        structures: a row each.
        detection: positive agreement on lesions.
        seen_by: lesions by the number of raters who looked and of those who marked them.
    """

    cases: int
    patients: int
    reads: int
    structures: tuple[StructureSummary, ...]
    detection: Estimate
    seen_by: dict[int, tuple[int, ...]]


def summarise(cases: Iterable[CaseAgreement]) -> AgreementSummary:
    """The means over cases.

    Raises:
        SettingsError: there is no case.
    """
    cases = tuple(cases)
    if not cases:
        raise SettingsError("There is no case to summarise. Choose a part that holds some.")
    owners = [case.patient for case in cases]
    return AgreementSummary(
        cases=len(cases),
        patients=len(set(owners)),
        reads=sum(len(case.raters) for case in cases),
        structures=tuple(
            _of_structure([case.structures[place] for case in cases], owners)
            for place in range(len(cases[0].structures))
        ),
        detection=estimate([case.detection.agreement for case in cases], owners),
        seen_by=_seen_by(cases),
    )


def _of_structure(cases: Sequence[StructureAgreement], owners: Sequence[str]) -> StructureSummary:
    def over_cases(value: Callable[[PairAgreement], float]) -> Estimate:
        return estimate([mean_of_defined(map(value, case.pairs)) for case in cases], owners)

    def over_pairs(value: Callable[[PairAgreement], float]) -> Estimate:
        both = [
            (value(pair), owner)
            for case, owner in zip(cases, owners, strict=True)
            for pair in case.pairs
            if pair.marked == 2
        ]
        return estimate([of_pair for of_pair, _ in both], [owner for _, owner in both])

    sizes = [size for case in cases for size in case.voxels if size]
    return StructureSummary(
        structure=cases[0].structure,
        dice=over_cases(lambda pair: pair.dice),
        iou=over_cases(lambda pair: pair.iou),
        expected_distance=over_cases(lambda pair: 1 - pair.iou),
        expected_distance_with_self=estimate([_with_self(case) for case in cases], owners),
        hd95_mm=over_cases(lambda pair: pair.hd95_mm),
        volume_difference_ml=over_cases(lambda pair: abs(pair.volume_difference_ml)),
        dice_both=over_pairs(lambda pair: pair.dice),
        iou_both=over_pairs(lambda pair: pair.iou),
        kappa=estimate([case.kappa for case in cases], owners),
        alpha=estimate([case.alpha for case in cases], owners),
        identical=over_cases(lambda pair: float(pair.dice == 1)),
        empty=estimate([mean_of_defined(float(size == 0) for size in case.voxels) for case in cases], owners),
        empty_by_rater=tuple(_empty_by_rater(cases)),
        voxels=(float(min(sizes)), float(np.median(sizes)), float(max(sizes))) if sizes else None,
    )


def _with_self(case: StructureAgreement) -> float:
    """Every read is beside itself once in as many ordered pairs as there are reads."""
    reads = len(case.voxels)
    return (
        mean_of_defined(1 - pair.iou for pair in case.pairs) * (reads - 1) / reads
        if case.pairs
        else float("nan")
    )


def _empty_by_rater(cases: Sequence[StructureAgreement]) -> Iterator[float]:
    for place in range(max(len(case.voxels) for case in cases)):
        yield mean_of_defined(float(case.voxels[place] == 0) for case in cases if place < len(case.voxels))


def _seen_by(cases: Sequence[CaseAgreement]) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    for case in cases:
        looked = case.detection.raters
        before = found.get(looked, (0,) * looked)
        found[looked] = tuple(a + b for a, b in zip(before, case.detection.seen_by, strict=True))
    return dict(sorted(found.items()))
