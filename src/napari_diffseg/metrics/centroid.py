"""How far apart the middles of two masks lie."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import center_of_mass

from napari_diffseg.metrics.masks import require_one_shape


def centroid_distance_mm(
    predicted: Bool[np.ndarray, "*space"],
    reference: Bool[np.ndarray, ...],
    spacing_mm: Sequence[float],
) -> float:
    """Distance between the centres of gravity.

    Args:
        predicted: (D, H, W), or (H, W) for one slice.
        reference: of the same shape.
        spacing_mm: voxel edge along each axis of the masks.

    Returns:
        Millimetres, ≥ 0, smaller is better. NaN when either is empty: not defined, for the caller
        to count.

    Raises:
        GridMismatchError: the masks differ in shape.

    Source:
        Fu et al., arXiv:2303.06040, "centroid distance".
    """
    require_one_shape(predicted, reference)
    if not (predicted.any() and reference.any()):
        return math.nan
    apart = np.subtract(center_of_mass(predicted), center_of_mass(reference))
    return float(np.linalg.norm(apart * np.asarray(spacing_mm)))
