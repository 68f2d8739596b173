"""Many cases in a few numbers, and the one that a training run selects by. Torch-free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64

from napari_diffseg.errors import SettingsError
from napari_diffseg.evaluation.case_score import CaseScore

Metric = Literal[
    "dice",
    "hd95_mm",
    "nsd_1mm",
    "centroid_distance_mm",
    "first_member_dice",
    "member_disagreement",
    "ged",
    "ged_unbiased",
    "matched_iou",
    "pairwise_dice",
]
"""A value per class in a `CaseScore`."""


@dataclass(frozen=True, slots=True)
class Mean:
    """One metric over cases, each with the mean of its classes where they have a value.

    Args:
        value: None where no case has one.
        sd: over the cases, with n − 1; None for fewer than two.
        cases: that have a value.
        undefined: values that are not defined, of a case and a class each.
    """

    value: float | None
    sd: float | None
    cases: int
    undefined: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The number that decides which weights of a run are kept.

    Args:
        metric: its name.
        value: over the cases.
        higher_is_better: which way.
        rule: the same in words.
    """

    metric: Metric
    value: float
    higher_is_better: bool
    rule: str

    def beats(self, best: float | None) -> bool:
        """Whether the value is better than the best one before it; of equal ones the first stays best."""
        if best is None:
            return True
        return self.value > best if self.higher_is_better else self.value < best


@dataclass(frozen=True, slots=True)
class Summary:
    """Scores of many cases; `dataclasses.asdict` gives what JSON can hold.

    Args:
        cases: how many.
        members: drawn of each; no GED without it.
        means: by name of the metric, and with several classes also "metric, class".
        both_empty: consensuses of a class that are empty as their reference is: Dice 1, no distance.
        one_empty: of which the one is empty and the other is not: Dice 0, no distance.
        selection: what a training run selects by.
    """

    cases: int
    members: int
    means: dict[str, Mean]
    both_empty: int
    one_empty: int
    selection: Selection


def summarise(scores: Iterable[CaseScore], classes: Sequence[str]) -> Summary:
    """The means over cases.

    Args:
        scores: of one checkpoint and one number of members.
        classes: names of the foreground classes, in order.

    Raises:
        SettingsError: there is no score, or the numbers of members differ.
    """
    scores = list(scores)
    members = sorted({score.members for score in scores})
    if len(members) != 1:
        raise SettingsError(
            f"{len(scores)} scores with {' and '.join(map(str, members)) or 'no'} members have no summary: "
            "GED depends on the number of members. Score at least one case, and all with equally many."
        )
    dice, unmeasured = _table(scores, "dice"), np.isnan(_table(scores, "hd95_mm"))
    return Summary(
        cases=len(scores),
        members=members[0],
        means=dict(chain.from_iterable(_means(scores, metric, classes) for metric in get_args(Metric))),
        both_empty=int(np.count_nonzero(unmeasured & (dice == 1))),
        one_empty=int(np.count_nonzero(unmeasured & (dice == 0))),
        selection=_selection(scores),
    )


def by_case(scores: Iterable[CaseScore], metric: Metric) -> dict[str, float]:
    """The metric of each case that it applies to: the mean of the classes that have a value, or NaN."""
    table = {score.case: values for score in scores if (values := getattr(score, metric))}
    return {case: _mean_of_defined(np.asarray(values)) for case, values in table.items()}


def _selection(scores: Sequence[CaseScore]) -> Selection:
    """Dice, or GED where all cases have several reads, as a mean over some of them would judge by those."""
    several = all(score.ged for score in scores)
    metric: Metric = "ged" if several else "dice"
    return Selection(
        metric=metric,
        value=float(_table(scores, metric).mean()),  # neither is ever undefined
        higher_is_better=not several,
        rule=f"lowest mean GED, {scores[0].members} members against all reads"
        if several
        else "highest mean foreground Dice of the consensus",
    )


def _means(scores: Sequence[CaseScore], metric: Metric, classes: Sequence[str]) -> Iterator[tuple[str, Mean]]:
    """The metric over all classes, then over each of several; nothing where it does not apply."""
    if not any(getattr(score, metric) for score in scores):
        return
    table = _table(scores, metric)
    yield metric, _mean(table)
    if len(classes) > 1:
        for title, column in zip(classes, table.T, strict=True):
            yield f"{metric}, {title}", _mean(column[:, None])


def _table(scores: Iterable[CaseScore], metric: Metric) -> Float64[np.ndarray, "case class"]:
    return np.array([values for score in scores if (values := getattr(score, metric))], dtype=np.float64)


def _mean(table: Float64[np.ndarray, "case class"]) -> Mean:
    values = np.array([_mean_of_defined(row) for row in table])
    defined = values[~np.isnan(values)]
    return Mean(
        value=float(defined.mean()) if len(defined) else None,
        sd=float(defined.std(ddof=1)) if len(defined) > 1 else None,
        cases=len(defined),
        undefined=int(np.isnan(table).sum()),
    )


def _mean_of_defined(values: Float64[np.ndarray, " class"]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
