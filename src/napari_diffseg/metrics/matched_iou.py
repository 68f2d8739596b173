"""How well a model's masks cover the raters', one for one."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool
from scipy.optimize import linear_sum_assignment

from napari_diffseg.metrics.overlap import pairwise_iou


def matched_iou(members: Bool[np.ndarray, "member ..."], raters: Bool[np.ndarray, "rater ..."]) -> float:
    """Mean IoU of members and raters under the best matching (Hungarian algorithm).

    Args:
        members: masks of one structure that a model drew, each (D, H, W), or (H, W) for one slice.
        raters: masks that people drew, of the same shape. Sets of different sizes are repeated to their
            least common multiple, so that every mask keeps its weight.

    Returns:
        0 to 1, larger is better. Two empty masks match perfectly.

    Raises:
        GridMismatchError: the masks differ in shape.
        SettingsError: there is no member or no rater.

    Source:
        Kohl et al., A Hierarchical Probabilistic U-Net, arXiv:1905.13077.
    """
    overlap = pairwise_iou(members, raters)
    size = math.lcm(len(members), len(raters))
    repeated = overlap.repeat(size // len(members), axis=0).repeat(size // len(raters), axis=1)
    return float(repeated[linear_sum_assignment(repeated, maximize=True)].mean())
