"""What masks must share before they are compared."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from napari_diffseg.errors import GridMismatchError, SettingsError
from napari_diffseg.volume.wording import times


def require_one_shape(predicted: Bool[np.ndarray, ...], reference: Bool[np.ndarray, ...]) -> None:
    """Refuse masks that cannot lie on one grid.

    Raises:
        GridMismatchError: the masks differ in shape.
    """
    if predicted.shape != reference.shape:
        raise GridMismatchError(
            f"A mask of {times(predicted.shape)} voxels cannot be compared with one of "
            f"{times(reference.shape)}. Resample one onto the other's grid first."
        )


def require_sets(members: Bool[np.ndarray, "member ..."], raters: Bool[np.ndarray, "rater ..."]) -> None:
    """Refuse sets of masks that cannot be compared: an empty set, or masks not on one grid.

    Raises:
        GridMismatchError: the masks differ in shape.
        SettingsError: there is no member or no rater.
    """
    if not (len(members) and len(raters)):
        raise SettingsError(
            f"{len(members)} members cannot be compared with {len(raters)} raters. Each side needs a mask."
        )
    require_one_shape(members[0], raters[0])
