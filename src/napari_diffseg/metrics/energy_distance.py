"""How far a model's distribution of masks is from that of the raters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from napari_diffseg.metrics.overlap import pairwise_iou


@dataclass(frozen=True, slots=True)
class EnergyDistance:
    """The squared generalised energy distance; smaller is better.

    Args:
        published: as the papers compute it, over all ordered pairs and so with each mask beside itself;
            0 to 2, 0 for equal sets. It falls as members are added, so it says nothing without their number.
        unbiased: without those pairs, what the published one tends to with ever more members and raters; may
            fall below 0. NaN when one side has a single mask.
        members: masks of the model.
        raters: masks of the raters.
    """

    published: float
    unbiased: float
    members: int
    raters: int


def energy_distance(
    members: Bool[np.ndarray, "member ..."], raters: Bool[np.ndarray, "rater ..."]
) -> EnergyDistance:
    """2 E d(s, y) − E d(s, s′) − E d(y, y′), where d = 1 − IoU.

    Args:
        members: masks of one structure that a model drew, each (D, H, W), or (H, W) for one slice.
        raters: masks that people drew, of the same shape.

    Returns:
        Both estimates. Two empty masks are equal (IoU 1), an empty and another one as far apart as can be.

    Raises:
        GridMismatchError: the masks differ in shape.
        SettingsError: there is no member or no rater.

    Source:
        Székely and Rizzo, Journal of Statistical Planning and Inference 2013; for masks Kohl et al.,
        NeurIPS 2018.
    """
    apart = 2 * (1 - pairwise_iou(members, raters).mean())
    within = [1 - pairwise_iou(side, side) for side in (members, raters)]
    return EnergyDistance(
        published=float(apart - sum(distances.mean() for distances in within)),
        unbiased=float(apart - sum(_mean_of_two(distances) for distances in within)),
        members=len(members),
        raters=len(raters),
    )


def _mean_of_two(distances: Float64[np.ndarray, "mask other"]) -> float:
    """Of two different masks of a set; a mask is at distance 0 from itself."""
    masks = len(distances)
    return float(distances.sum() / (masks * (masks - 1))) if masks > 1 else math.nan
