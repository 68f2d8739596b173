"""Which outlined nodules of several readers are one nodule.

Pairs of different readers are taken in the order of their overlap, the greatest first. A pair joins the
groups that its nodules are in, unless some reader would then be in the group twice: a reader who outlined two
nodules meant two, even if another drew one around both. Points have no size to overlap and are not grouped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Int64

LEAST_IOU = 0.1
"""Nodules of a few voxels in thick slices share little even when their middles agree: where one reader draws
a ball of twice the other's diameter, the IoU is 1/8. Detection in volumes counts a hit from 0.1 for the same
reason.

Source:
    Baumgartner et al., nnDetection, MICCAI 2021, arXiv:2106.00817.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Outlined:
    """A nodule that one reader outlined.

    Args:
        reader: number of the reader.
        voxels: that it holds, each by its place in the flattened scan, none twice.
    """

    reader: int
    voxels: Int64[np.ndarray, " n"]


def groups(nodules: Sequence[Outlined], *, least_iou: float = LEAST_IOU) -> tuple[int, ...]:
    """The group of each nodule.

    Args:
        nodules: of all readers of a case.
        least_iou: intersection over union, in voxels, from which two nodules may be one.

    Returns:
        Numbers from 0 in the order in which the groups' first nodules stand.
    """
    group = list(range(len(nodules)))
    for _, first, second in _overlapping(nodules, least_iou):
        joined = [place for place, at in enumerate(group) if at in (group[first], group[second])]
        readers = {nodules[place].reader for place in joined}
        if group[first] != group[second] and len(readers) == len(joined):
            for place in joined:
                group[place] = min(joined)
    order = {at: number for number, at in enumerate(dict.fromkeys(group))}
    return tuple(order[at] for at in group)


def _overlapping(nodules: Sequence[Outlined], least_iou: float) -> list[tuple[float, int, int]]:
    """Pairs of different readers' nodules, the greatest overlap first, then in the order given."""
    pairs = []
    for (first, a), (second, b) in combinations(enumerate(nodules), 2):
        if a.reader != b.reader:
            shared = len(np.intersect1d(a.voxels, b.voxels, assume_unique=True))
            iou = shared / max(len(a.voxels) + len(b.voxels) - shared, 1)
            if shared and iou >= least_iou:
                pairs.append((-iou, first, second))
    return sorted(pairs)
