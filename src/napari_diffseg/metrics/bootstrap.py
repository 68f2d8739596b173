"""How sure a mean over cases is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float64, Int

from napari_diffseg.errors import SettingsError

RESAMPLES = 10_000
SEED = 0

_AT_ONCE = 2**20  # numbers of resamples in memory


def mean_interval(values: Float64[np.ndarray, " value"], owners: Iterable[str]) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a mean, from 10,000 resamples of the owners.

    Args:
        values: one or several of each owner, none of them NaN.
        owners: of each value, for example its patient. Values of one owner are drawn together, as they
            resemble one another.

    Returns:
        The interval's ends; the same for the same values in whatever order of owners.

    Raises:
        SettingsError: fewer than two owners have a value.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13.
    """
    names, owner = np.unique(list(owners), return_inverse=True)
    if len(names) < 2:
        raise SettingsError(
            f"An interval needs values of at least 2 patients, and there are {len(names)}. Take more cases."
        )
    low, high = np.percentile(_resampled(values, owner), [2.5, 97.5])
    return float(low), float(high)


def _resampled(
    values: Float64[np.ndarray, " value"], owner: Int[np.ndarray, " value"]
) -> Float64[np.ndarray, " resample"]:
    """Means over the values of owners drawn with replacement."""
    totals, counts = np.bincount(owner, weights=values), np.bincount(owner)
    rng, owners = np.random.default_rng(SEED), len(counts)
    means = []
    for rows in _blocks(RESAMPLES, max(1, _AT_ONCE // owners)):
        drawn = rng.integers(owners, size=(rows, owners))
        means.append(totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(means)


def _blocks(total: int, most: int) -> list[int]:
    return [min(most, total - start) for start in range(0, total, most)]
