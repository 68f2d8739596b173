"""The label map that STAPLE holds for true, and how far it trusts each member."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, UInt8

from napari_diffseg.fusion.staple import require_members, staple_labels, staple_mask


@dataclass(frozen=True, slots=True, eq=False)
class StapleConsensus:
    """A label map, and a column for each structure.

    Args:
        labels: 0 for background, n for the n-th class.
        sensitivity: of each member, the share of a structure's true voxels that it marked. NaN where
            nobody marked the structure.
        specificity: of each member, the share of the other voxels that it left out; of several structures
            from the probabilities of confusion, weighted by how often each label is true here.
    """

    labels: UInt8[np.ndarray, "D H W"]
    sensitivity: Float64[np.ndarray, "member class"]
    specificity: Float64[np.ndarray, "member class"]


def staple(members: UInt8[np.ndarray, "member D H W"], classes: int) -> UInt8[np.ndarray, "D H W"]:
    """The labels of `staple_consensus` alone."""
    return staple_consensus(members, classes).labels


def staple_consensus(members: UInt8[np.ndarray, "member D H W"], classes: int) -> StapleConsensus:
    """Estimate the truth and the members' reliability together.

    One class: foreground where its probability is 0.5 or more. Several: the likeliest label, background
    where two are equally likely. Where a member is empty (`empty_members`), the others' foreground may be
    taken for error: tell the person.

    Args:
        members: label maps; labels above `classes` count as background.
        classes: number of foreground classes.

    Returns:
        Where all members agree, what they say, and full trust.

    Raises:
        SettingsError: there is no member, or the largest label is 255.
    """
    require_members(members)
    if all(np.array_equal(member, members[0]) for member in members[1:]):
        full = np.ones((len(members), classes))
        return StapleConsensus(np.where(members[0] > classes, 0, members[0]), full, full)
    if classes == 1:
        found = staple_mask(members)
        labels = (found.probability >= 0.5).astype(np.uint8)
        return StapleConsensus(labels, found.sensitivity[:, None], found.specificity[:, None])
    return _of_several(np.where(members > classes, 0, members), classes)


def _of_several(members: UInt8[np.ndarray, "member D H W"], classes: int) -> StapleConsensus:
    found = staple_labels(members)
    seen = found.confusion.shape[-1]
    frequency = np.bincount(found.labels.ravel(), minlength=seen)
    sensitivity = np.full((len(members), classes), np.nan)
    specificity = np.ones((len(members), classes))
    for label in range(1, seen):
        sensitivity[:, label - 1] = found.confusion[:, label, label]
        specificity[:, label - 1] = _left_out(found.confusion, frequency, label)
    return StapleConsensus(found.labels, sensitivity, specificity)


def _left_out(
    confusion: Float64[np.ndarray, "member given true"], frequency: Int[np.ndarray, " true"], label: int
) -> Float64[np.ndarray, " member"]:
    others = np.delete(frequency, label)
    given = np.delete(confusion[:, label], label, axis=1)
    return 1 - given @ others / others.sum() if others.any() else np.full(len(confusion), np.nan)
