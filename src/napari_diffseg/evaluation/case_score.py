"""How well one result meets what its raters drew. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from napari_diffseg.errors import GridMismatchError, ResultError, SettingsError
from napari_diffseg.fusion import majority
from napari_diffseg.metrics import (
    centroid_distance_mm,
    dice,
    energy_distance,
    hd95_mm,
    matched_iou,
    normalised_surface_distance,
    pairwise_iou,
)
from napari_diffseg.results.result import Result
from napari_diffseg.volume.label_map import LabelMap
from napari_diffseg.volume.wording import times

NSD_TOLERANCE_MM = 1.0
"""Of ImgX-DiffSeg's evaluation (Fu et al., arXiv:2303.06040); the name `nsd_1mm` says it too."""


@dataclass(frozen=True, slots=True)
class CaseScore:
    """One case: a value per foreground class, in the checkpoint's order; NaN where it is not defined.

    The consensus and the first member are held against the reference, which is the read or, of several
    reads, their majority (a tie goes to the lowest label, background first). With several reads the
    members are also held against all of them, as two sets of masks and one class at a time; as GED is linear
    in its distance, the mean over classes is the GED whose distance is the mean of 1 − IoU over classes.

    Args:
        case: its name.
        members: that were drawn.
        reads: that were compared with.
        dice: of the consensus; 1 where both masks are empty, 0 where one is.
        hd95_mm: of the consensus; NaN where either mask is empty, as for the next two.
        nsd_1mm: normalised surface distance of the consensus, a share: its tolerance is 1 mm.
        centroid_distance_mm: of the consensus.
        first_member_dice: of the first member alone.
        member_disagreement: 1 − mean Dice over the pairs of members; 0 for one member.
        ged: squared generalised energy distance as the papers compute it, which falls with the number of
            members. Empty for one read, as all that follow.
        ged_unbiased: without pairs of a mask with itself; NaN for one member.
        matched_iou: Hungarian-matched IoU.
        pairwise_dice: mean over all pairs of a member and a read.
    """

    case: str
    members: int
    reads: int
    dice: tuple[float, ...]
    hd95_mm: tuple[float, ...]
    nsd_1mm: tuple[float, ...]
    centroid_distance_mm: tuple[float, ...]
    first_member_dice: tuple[float, ...]
    member_disagreement: tuple[float, ...]
    ged: tuple[float, ...] = ()
    ged_unbiased: tuple[float, ...] = ()
    matched_iou: tuple[float, ...] = ()
    pairwise_dice: tuple[float, ...] = ()


def score(result: Result, reads: Sequence[LabelMap], *, case: str) -> CaseScore:
    """Hold a result against what raters drew, on the voxels of its box.

    Args:
        result: with its members.
        reads: one mask a rater, on the scan's grid; labels above the result's classes are background.
        case: its name.

    Raises:
        GridMismatchError: a read does not lie on the scan.
        ResultError: the result was read from a folder without members.
        SettingsError: there is no read.
    """
    if not len(result.members):
        raise ResultError(f"The result of {case} has no members to score. Segment again and keep them.")
    if not reads:
        raise SettingsError(f"{case} cannot be scored against 0 reads. Give at least one mask.")
    drawn = np.stack([_on_box(read, result, case) for read in reads])
    reference = majority(drawn, len(result.classes))
    rows = [_of_class(result, drawn, reference, label) for label in range(1, len(result.classes) + 1)]
    values: dict[str, Any] = {name: tuple(float(row[name]) for row in rows) for name in rows[0]}
    return CaseScore(case=case, members=len(result.members), reads=len(reads), **values)


def _on_box(read: LabelMap, result: Result, case: str) -> UInt8[np.ndarray, "d h w"]:
    if not read.grid.matches(result.scan_grid):
        raise GridMismatchError(
            f"A mask of {case} does not lie on its scan: {times(read.grid.shape)} voxels against "
            f"{times(result.scan_grid.shape)}, or another position. Resample one onto the other."
        )
    labels = read.data[result.box.slices]
    return np.where(labels <= len(result.classes), labels, 0).astype(np.uint8)


def _of_class(
    result: Result,
    drawn: UInt8[np.ndarray, "rater D H W"],
    reference: UInt8[np.ndarray, "D H W"],
    label: int,
) -> dict[str, float]:
    members, raters, truth = result.members == label, drawn == label, reference == label
    return {
        **_of_consensus(result.consensus == label, truth, result.scan_grid.spacing_mm),
        "first_member_dice": dice(members[0], truth),
        "member_disagreement": _disagreement(members),
        **(_of_sets(members, raters) if len(raters) > 1 else {}),
    }


def _of_consensus(
    found: Bool[np.ndarray, "D H W"], truth: Bool[np.ndarray, "D H W"], spacing_mm: tuple[float, ...]
) -> dict[str, float]:
    if len(found) == 1:  # an image: as a volume, all of a mask would be surface
        found, truth, spacing_mm = found[0], truth[0], spacing_mm[1:]
    return {
        "dice": dice(found, truth),
        "hd95_mm": hd95_mm(found, truth, spacing_mm),
        "nsd_1mm": normalised_surface_distance(found, truth, spacing_mm, tolerance_mm=NSD_TOLERANCE_MM),
        "centroid_distance_mm": centroid_distance_mm(found, truth, spacing_mm),
    }


def _of_sets(
    members: Bool[np.ndarray, "member D H W"], raters: Bool[np.ndarray, "rater D H W"]
) -> dict[str, float]:
    apart, overlap = energy_distance(members, raters), pairwise_iou(members, raters)
    return {
        "ged": apart.published,
        "ged_unbiased": apart.unbiased,
        "matched_iou": matched_iou(members, raters),
        "pairwise_dice": float(np.mean(2 * overlap / (1 + overlap))),  # Dice of a pair from its IoU
    }


def _disagreement(members: Bool[np.ndarray, "member D H W"]) -> float:
    agreements = [dice(one, other) for one, other in combinations(members, 2)]
    return 1 - float(np.mean(agreements)) if agreements else 0.0
