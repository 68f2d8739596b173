"""Dice and intersection over union of two masks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

from napari_diffseg.metrics.masks import require_one_shape, require_sets


def dice(predicted: Bool[np.ndarray, "*space"], reference: Bool[np.ndarray, ...]) -> float:
    """Twice the shared voxels over the sum of both masks.

    Args:
        predicted: (D, H, W), or (H, W) for one slice.
        reference: of the same shape.

    Returns:
        0 to 1, larger is better. 1 when both are empty, 0 when one is.

    Raises:
        GridMismatchError: the masks differ in shape.

    Source:
        Dice, Ecology 1945.
    """
    require_one_shape(predicted, reference)
    total = np.count_nonzero(predicted) + np.count_nonzero(reference)
    return 2 * np.count_nonzero(predicted & reference) / total if total else 1.0


def iou(predicted: Bool[np.ndarray, "*space"], reference: Bool[np.ndarray, ...]) -> float:
    """Shared voxels over the voxels in either mask.

    Args:
        predicted: (D, H, W), or (H, W) for one slice.
        reference: of the same shape.

    Returns:
        0 to 1, larger is better. 1 when both are empty, 0 when one is.

    Raises:
        GridMismatchError: the masks differ in shape.

    Source:
        Jaccard, Bulletin de la Société vaudoise des sciences naturelles 1901.
    """
    require_one_shape(predicted, reference)
    union = np.count_nonzero(predicted | reference)
    return np.count_nonzero(predicted & reference) / union if union else 1.0


def pairwise_iou(
    members: Bool[np.ndarray, "member ..."], raters: Bool[np.ndarray, "rater ..."]
) -> Float64[np.ndarray, "member rater"]:
    """`iou` of every member with every rater.

    Raises:
        GridMismatchError: the masks differ in shape.
        SettingsError: there is no member or no rater.
    """
    require_sets(members, raters)
    return np.array([[iou(member, rater) for rater in raters] for member in members], dtype=np.float64)
