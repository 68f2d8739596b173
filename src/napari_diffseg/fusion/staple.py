"""STAPLE: the truth and each member's reliability, estimated together.

Each voxel's truth is hidden; a member that agrees with the others' truth is believed more. Kept apart from
a vote, it can let one careful member win over two careless ones. How far it trusts a member also depends on
how much background is counted, so results compare only over one and the same box.

Source:
    Warfield, Zou and Wells, IEEE Transactions on Medical Imaging 2004; several labels after Rohlfing et al.,
    IPMI 2003. Computed by SimpleITK.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8

from napari_diffseg.errors import SettingsError

_LARGEST_LABEL = 254  # SimpleITK needs one label beyond those of the members


@dataclass(frozen=True, slots=True, eq=False)
class StapleMask:
    """What STAPLE makes of one structure.

    Args:
        probability: that a voxel truly belongs to it.
        sensitivity: of each member, the share of the true structure that it marked; NaN without any.
        specificity: of each member, the share of the true rest that it left out; NaN without any.
        rounds: until the estimate stood still; 0 where there was nothing to estimate.
    """

    probability: Float64[np.ndarray, "D H W"]
    sensitivity: Float64[np.ndarray, " member"]
    specificity: Float64[np.ndarray, " member"]
    rounds: int


@dataclass(frozen=True, slots=True, eq=False)
class StapleLabels:
    """What STAPLE makes of several structures at once.

    Args:
        labels: the likeliest of each voxel.
        confusion: of each member, the probability of the label given where the other one is true.
    """

    labels: UInt8[np.ndarray, "D H W"]
    confusion: Float64[np.ndarray, "member given true"]


def staple_mask(
    members: UInt8[np.ndarray, "member D H W"],
    *,
    label: int = 1,
    prior_weight: float = 1.0,
    rounds: int | None = None,
) -> StapleMask:
    """Where one structure truly is, and how reliable each member is.

    Args:
        members: label maps.
        label: of the structure.
        prior_weight: factor of the prior, which is the structure's mean share of the volume.
        rounds: at most so many; otherwise until no sensitivity or specificity moves by 1e-7.

    Returns:
        The estimate. Where no member marks anything, or each marks everything, that stands as it is: the
        law itself divides by zero there.

    Raises:
        SettingsError: there is no member.
    """
    require_members(members)
    marked = sum(np.count_nonzero(member == label) for member in members)
    if marked in (0, members.size):
        return _undisputed(members, float(marked > 0))
    import SimpleITK  # a tenth of a second, and only here

    algorithm = SimpleITK.STAPLEImageFilter()
    algorithm.SetForegroundValue(label)
    algorithm.SetConfidenceWeight(prior_weight)
    if rounds is not None:
        algorithm.SetMaximumIterations(rounds)
    probability = SimpleITK.GetArrayFromImage(algorithm.Execute(_images(members)))
    return StapleMask(
        probability,
        np.array(algorithm.GetSensitivity()),
        np.array(algorithm.GetSpecificity()),
        algorithm.GetElapsedIterations(),
    )


def staple_labels(
    members: UInt8[np.ndarray, "member D H W"], *, undecided: int = 0, rounds: int | None = None
) -> StapleLabels:
    """The true label of each voxel, and which labels each member confuses.

    Args:
        members: label maps, 0 for background.
        undecided: stands where two labels are equally likely.
        rounds: at most so many; otherwise until no probability of confusion moves by 1e-5.

    Raises:
        SettingsError: there is no member, or the largest label is 255.
    """
    require_members(members)
    count = int(members.max()) + 1
    if count > _LARGEST_LABEL + 1:
        raise SettingsError(
            f"STAPLE takes labels up to {_LARGEST_LABEL}, and a member has {count - 1}. Renumber its labels."
        )
    import SimpleITK

    algorithm = SimpleITK.MultiLabelSTAPLEImageFilter()
    algorithm.SetLabelForUndecidedPixels(undecided)
    if rounds is not None:
        algorithm.SetMaximumNumberOfIterations(rounds)
    labels = SimpleITK.GetArrayFromImage(algorithm.Execute(_images(members)))
    confusion = [np.reshape(algorithm.GetConfusionMatrix(n), (-1, count)) for n in range(len(members))]
    return StapleLabels(labels, np.stack(confusion)[:, :count])  # the last row is spare


def empty_members(members: UInt8[np.ndarray, "member D H W"]) -> tuple[int, ...]:
    """Numbers of the members without any foreground."""
    return tuple(number for number, member in enumerate(members) if not member.any())


def require_members(members: UInt8[np.ndarray, "member D H W"]) -> None:
    """Refuse a set without a member.

    Raises:
        SettingsError: there is none.
    """
    if len(members) == 0:
        raise SettingsError("STAPLE needs at least one member, and there is none. Ask for more members.")


def _images(members: UInt8[np.ndarray, "member D H W"]) -> list[Any]:
    import SimpleITK

    return [SimpleITK.GetImageFromArray(member) for member in members]


def _undisputed(members: UInt8[np.ndarray, "member D H W"], share: float) -> StapleMask:
    right, undefined = np.ones(len(members)), np.full(len(members), np.nan)
    sensitivity, specificity = (right, undefined) if share else (undefined, right)
    return StapleMask(np.full(members.shape[1:], share), sensitivity, specificity, 0)
