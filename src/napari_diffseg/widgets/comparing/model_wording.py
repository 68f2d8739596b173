"""A model against readers as a person reads it in the dock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from napari_diffseg.checkpoints.document import Document
from napari_diffseg.raters.against_model import ModelAgainstRaters
from napari_diffseg.raters.estimate import Estimate
from napari_diffseg.raters.verdict import Verdict
from napari_diffseg.results.result import ClassInfo, Result
from napari_diffseg.widgets.comparing.compare_wording import UNDEFINED, interval, number
from napari_diffseg.widgets.rater_wording import millilitres
from napari_diffseg.widgets.wording import count

_VERDICTS = {
    "over-confident": "The model is over-confident",
    "matches": "The model matches the readers",
    "under-confident": "The model is under-confident",
}


def made_by(result: Result) -> str:
    """Which model with which settings."""
    done = result.provenance
    steps = f", {count(done.steps, 'step')}" if done.steps > 1 else ""
    return f"{done.checkpoint}: {count(len(result.members), 'sample')}{steps}, seed {result.options.seed}"


def headline(found: Verdict, cases: int) -> str:
    """The verdict in a few words."""
    if found.word is None:
        return "No verdict: draw more samples"
    return f"{_VERDICTS[found.word]}, on {count(cases, 'case')}"


def measures(found: Verdict) -> Iterator[tuple[str, str, str]]:
    """A row a measure: its name with the number of samples, its mean, the 95 % interval over cases."""
    members = " to ".join(map(str, sorted(set(found.members))))
    rows: tuple[tuple[str, Estimate], ...] = (
        (f"GED, {members} samples, as published", found.ged),
        (f"GED, {members} samples, unbiased", found.ged_unbiased),
        ("Matched IoU", found.matched_iou),
        ("Correlation of variances", found.variance_correlation),
        ("Readers’ volumes inside", found.inside),
    )
    for what, value in rows:
        yield what, number(value.mean, 3), interval(value, 3)


def volumes(
    found: Sequence[ModelAgainstRaters], judged: Verdict, raters: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    """A row a reader: of one case volume and whether it is inside, of several how often it is.

    Args:
        found: of each case.
        judged: over them.
        raters: names in the project; over several cases these alone, since "reader 1" is somebody else in
            the next case.
    """
    if len(found) > 1:
        for rater, share in judged.inside_by_rater.items():
            if rater in raters:
                yield rater, UNDEFINED, f"{number(share)} of cases"
        return
    (case,) = found
    inside = case.inside or (None,) * len(case.raters)
    for rater, volume, within in zip(case.raters, case.volumes_ml, inside, strict=True):
        yield rater, f"{millilitres(volume)} ml", UNDEFINED if within is None else "yes" if within else "no"


def ensemble_interval(found: Sequence[ModelAgainstRaters]) -> str:
    """Where one more sample's volume would lie; empty for several cases."""
    if len(found) != 1:
        return ""
    if found[0].interval_ml is None:
        return "With one sample there is no interval of volumes."
    low, high = found[0].interval_ml
    return f"95 % interval of the model’s volume: {millilitres(low)} to {millilitres(high)} ml."


def class_note(document: Document, classes: Sequence[ClassInfo]) -> str:
    """Which of the model's classes is held against which of the project's, where names differ."""
    pairs = [
        f"the model’s “{ours.name}” with the readers’ “{theirs.name}”"
        for ours, theirs in zip(document.classes, classes, strict=False)
        if ours.name.casefold() != theirs.name.casefold()
    ]
    return f"Compares {', '.join(pairs)}." if pairs else ""
