"""Agreement of several raters on unordered categories, beyond what chance would give.

Both measures take a table: how many raters put an item into which category. A row may stand for many
items alike, so the voxels of a whole scan are a few rows.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64, Int

from napari_diffseg.errors import SettingsError


def fleiss_kappa(
    counts: Int[np.ndarray, "item category"], repeats: Int[np.ndarray, " item"] | None = None
) -> float:
    """(observed − chance agreement) / (1 − chance agreement), each item judged by equally many raters.

    Args:
        counts: raters that put the item into the category.
        repeats: how many items each row stands for; None means one.

    Returns:
        At most 1; 0 is what chance gives. NaN when there is no item, or all ratings are of one category,
        where chance agreement leaves nothing to gain.

    Raises:
        SettingsError: the items have different numbers of raters, or fewer than two.

    Source:
        Fleiss, Psychological Bulletin 76(5), 1971, equations 1 to 7.
    """
    items, raters = _weights(counts, repeats), np.unique(counts.sum(axis=1))
    if len(raters) > 1 or raters.min(initial=2) < 2:
        raise SettingsError(
            f"Fleiss' kappa needs equally many raters for each item, at least 2, and got "
            f"{raters.min()} to {raters.max()}. Use Krippendorff's alpha where ratings are missing."
        )
    if not items.sum():
        return math.nan
    n = float(raters[0])
    observed = float(items @ _equal_pairs(counts) / (items.sum() * n * (n - 1)))
    by_chance = float(np.sum((items @ counts / (items.sum() * n)) ** 2))
    return (observed - by_chance) / (1 - by_chance) if by_chance < 1 else math.nan


def krippendorff_alpha(
    counts: Int[np.ndarray, "item category"], repeats: Int[np.ndarray, " item"] | None = None
) -> float:
    """1 − observed / expected disagreement of nominal data; a rater may have left items out.

    Args:
        counts: raters that put the item into the category. Items with fewer than two ratings hold no pair
            and do not count.
        repeats: how many items each row stands for; None means one.

    Returns:
        At most 1; 0 is what chance gives. NaN when no item has two ratings, or all are of one category.

    Source:
        Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, section C.
    """
    pairable = counts.sum(axis=1) > 1
    counts, items = counts[pairable], _weights(counts, repeats)[pairable]
    raters = counts.sum(axis=1)
    ratings = float(items @ raters)
    if not ratings:
        return math.nan
    totals = items @ counts
    equal = float(items @ (_equal_pairs(counts) / (raters - 1)) / ratings)
    equal_by_chance = float(totals @ (totals - 1) / (ratings * (ratings - 1)))
    return 1 - (1 - equal) / (1 - equal_by_chance) if equal_by_chance < 1 else math.nan


def _weights(
    counts: Int[np.ndarray, "item category"], repeats: Int[np.ndarray, " item"] | None
) -> Float64[np.ndarray, " item"]:
    return np.ones(len(counts)) if repeats is None else repeats.astype(np.float64)


def _equal_pairs(counts: Int[np.ndarray, "item category"]) -> Int[np.ndarray, " item"]:
    """Ordered pairs of raters who put an item into one category."""
    return (counts * (counts - 1)).sum(axis=1)
