"""Whether a model is as sure as the people are, over one case or many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_diffseg.errors import SettingsError
from napari_diffseg.raters.against_model import ModelAgainstRaters
from napari_diffseg.raters.estimate import Estimate, estimate, mean_of_defined
from napari_diffseg.raters.exchangeability import Exchangeability, exchangeability

SIGNIFICANT = 0.05
NEGLIGIBLE = 0.02
"""A difference of mean IoU that is no reason for a verdict, however sure it is."""

Word = Literal["over-confident", "matches", "under-confident"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One structure over cases.

    The rule: two members of one case are compared with a member and a rater. Over-confident is a model
    whose members are more alike (by mean 1 − IoU) than a member and a rater, under-confident one whose
    members are less alike, if the difference is 0.02 or more and a permutation test (see
    `exchangeability`) finds it or a larger one in fewer than 5 % of trades of members and raters.
    Otherwise the model matches, as far as so few masks tell. A model that is sure and wrong is thereby
    over-confident, as is one that always gives the same answer where raters differ.

    Args:
        structure: its name.
        word: over-confident, matches or under-confident; None where no case has two members.
        sentence: the same in plain words, with the numbers and what they cannot tell.
        test: what it rests on.
        among_raters: mean distance of two raters; None with one a case.
        ged, ged_unbiased, matched_iou, variance_correlation: means over cases.
        members: drawn of each case, least and most; GED falls with their number.
        inside: share of all raters' volumes in the ensembles' 95 % intervals.
        inside_by_rater: likewise, of each rater.
    """

    structure: str
    word: Word | None
    sentence: str
    test: Exchangeability | None
    among_raters: float | None
    ged: Estimate
    ged_unbiased: Estimate
    matched_iou: Estimate
    variance_correlation: Estimate
    members: tuple[int, int]
    inside: Estimate
    inside_by_rater: dict[str, float]


def verdict(found: Iterable[ModelAgainstRaters]) -> Verdict:
    """Judge a model on one structure.

    Args:
        found: a case each.

    Raises:
        SettingsError: there is no case, or they are of several structures.
    """
    cases = tuple(found)
    names = sorted({case.structure for case in cases})
    if len(names) != 1:
        raise SettingsError(
            f"A verdict is on one structure, and the {len(cases)} cases are of {', '.join(names) or 'none'}. "
            "Choose cases of one."
        )
    owners = [case.patient for case in cases]
    members = min(case.members for case in cases), max(case.members for case in cases)
    test = exchangeability([case.distances for case in cases])
    among_raters = mean_of_defined(case.distances.among_raters for case in cases)
    return Verdict(
        structure=names[0],
        word=_word(test),
        sentence=_sentence(test, among_raters, len(cases), members),
        test=test,
        among_raters=None if np.isnan(among_raters) else among_raters,
        ged=estimate([case.ged.published for case in cases], owners),
        ged_unbiased=estimate([case.ged.unbiased for case in cases], owners),
        matched_iou=estimate([case.matched_iou for case in cases], owners),
        variance_correlation=estimate([case.variance_correlation for case in cases], owners),
        members=members,
        inside=estimate([mean_of_defined(map(float, case.inside)) for case in cases], owners),
        inside_by_rater=_inside_by_rater(cases),
    )


def _inside_by_rater(cases: Sequence[ModelAgainstRaters]) -> dict[str, float]:
    raters = dict.fromkeys(rater for case in cases if case.inside for rater in case.raters)
    return {
        rater: mean_of_defined(
            float(case.inside[case.raters.index(rater)])
            for case in cases
            if case.inside and rater in case.raters
        )
        for rater in raters
    }


def _word(test: Exchangeability | None) -> Word | None:
    if test is None:
        return None
    if test.chance >= SIGNIFICANT or abs(test.difference) < NEGLIGIBLE:
        return "matches"
    return "over-confident" if test.difference < 0 else "under-confident"


_MEANING: dict[Word, str] = {
    "over-confident": "Over-confident: the model's answers are more like one another than like the raters'",
    "matches": "Matches: the model's answers differ from one another about as they differ from the raters'",
    "under-confident": "Under-confident: the model's answers are less like one another than like the raters'",
}


def _sentence(test: Exchangeability | None, among_raters: float, cases: int, members: tuple[int, int]) -> str:
    word = _word(test)
    if test is None or word is None:
        return "With a single answer of the model a case, nothing can be said of its confidence. Draw more."
    answers = " to ".join(map(str, sorted(set(members))))
    raters = "" if np.isnan(among_raters) else f", two raters by {among_raters:.3f}"
    numbers = (
        f"two answers differ by {test.among_members:.3f} (1 − IoU), an answer and a rater by "
        f"{test.to_raters:.3f}{raters}; {answers} answers a case, {cases} case{'s' * (cases > 1)}, "
        f"p = {test.chance:.2g}"
    )
    caveat = ""
    if test.least_chance >= SIGNIFICANT:
        caveat = " So few masks could not have shown any difference: draw more answers or take more cases."
    elif word == "matches" and abs(test.difference) >= NEGLIGIBLE:
        caveat = " More answers or more cases may yet show a difference."
    return f"{_MEANING[word]} ({numbers}).{caveat}"
