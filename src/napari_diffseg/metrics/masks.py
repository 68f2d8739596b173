"""What two masks must share before they are compared."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from napari_diffseg.errors import GridMismatchError
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
