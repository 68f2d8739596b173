"""A mean over cases and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from napari_diffseg.metrics.bootstrap import mean_interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of values, some of which may not be defined.

    Args:
        mean: None where none is defined.
        low, high: the 95 % interval, from 10,000 resamples of the patients; None with fewer than two.
        count: how many values it is of.
        undefined: how many more are not defined.
    """

    mean: float | None
    low: float | None
    high: float | None
    count: int
    undefined: int


def estimate(values: Sequence[float], owners: Sequence[str]) -> Estimate:
    """The mean of values of patients.

    Args:
        values: NaN where not defined.
        owners: the patient of each.
    """
    numbers: Float64[np.ndarray, " value"] = np.array(values, dtype=np.float64)
    defined = ~np.isnan(numbers)
    kept, whose = numbers[defined], [owner for owner, there in zip(owners, defined, strict=True) if there]
    low, high = mean_interval(kept, whose) if len(set(whose)) > 1 else (None, None)
    return Estimate(
        mean=float(kept.mean()) if len(kept) else None,
        low=low,
        high=high,
        count=len(kept),
        undefined=int(np.count_nonzero(~defined)),
    )


def mean_of_defined(values: Iterable[float]) -> float:
    """The mean without NaN; NaN where nothing is left."""
    numbers = np.fromiter(values, dtype=np.float64)
    defined = numbers[~np.isnan(numbers)]
    return float(defined.mean()) if len(defined) else float("nan")
