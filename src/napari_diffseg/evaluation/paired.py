"""Two models on the same cases: which is better, and how sure that is. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from napari_diffseg.errors import SettingsError
from napari_diffseg.metrics.bootstrap import mean_interval


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A metric of the first model less that of the second, over the cases where both have a value.

    Args:
        mean: of the differences.
        low: end of the 95 % interval.
        high: its other end.
        cases: that were compared.
        better: of them, where the first model is better.
        undefined: cases left out, as one of the models has no value there.
        higher_is_better: whether a positive difference speaks for the first model.
    """

    mean: float
    low: float
    high: float
    cases: int
    better: int
    undefined: int
    higher_is_better: bool

    def verdict(self, first: str, second: str) -> str:
        """A sentence on which model is better, or that the cases do not tell."""
        if self.low <= 0 <= self.high:
            return f"The interval holds zero: these cases do not tell whether {first} or {second} is better."
        first_wins = (self.mean > 0) == self.higher_is_better
        return f"{first if first_wins else second} is better than {second if first_wins else first}."


def paired_difference(
    first: Mapping[str, float],
    second: Mapping[str, float],
    *,
    higher_is_better: bool,
    patients: Mapping[str, str] | None = None,
) -> PairedDifference:
    """Mean difference with a percentile bootstrap interval of 10,000 resamples.

    Args:
        first: a model's value by case, for example from `by_case`; NaN where it has none.
        second: the other model's.
        higher_is_better: of the metric.
        patients: by case; cases of one patient are drawn together, as they resemble one another. Without
            it every case counts as a patient of its own, and the interval is too narrow where it isn't.

    Raises:
        SettingsError: the cases differ, or fewer than two patients have a value of both.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13.
    """
    _require_same_cases(first, second)
    differences = {case: first[case] - second[case] for case in first}
    defined = {case: value for case, value in differences.items() if not np.isnan(value)}
    owners = [patients[case] if patients else case for case in defined]
    if len(set(owners)) < 2:
        raise SettingsError(
            f"An interval needs at least 2 patients with a value of both models, and there are "
            f"{len(set(owners))}. Score more cases."
        )
    values = np.array(list(defined.values()), dtype=np.float64)
    low, high = mean_interval(values, owners)
    return PairedDifference(
        mean=float(values.mean()),
        low=low,
        high=high,
        cases=len(values),
        better=int(np.count_nonzero(values > 0 if higher_is_better else values < 0)),
        undefined=len(differences) - len(defined),
        higher_is_better=higher_is_better,
    )


def _require_same_cases(first: Mapping[str, float], second: Mapping[str, float]) -> None:
    alone = sorted(first.keys() ^ second.keys())
    if alone:
        raise SettingsError(
            f"{len(alone)} cases have a score of one model alone, {alone[0]} among them. "
            "Score both models on the same cases."
        )
