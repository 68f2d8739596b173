"""Comparisons of readers as a person reads them in the dock."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from napari_diffseg.raters.agreement import CaseAgreement, StructureAgreement
from napari_diffseg.raters.detection import Detection, Finding
from napari_diffseg.raters.estimate import Estimate
from napari_diffseg.raters.stack import rule_of
from napari_diffseg.raters.summary import AgreementSummary, StructureSummary
from napari_diffseg.volume.wording import times
from napari_diffseg.widgets.rater_wording import millilitres
from napari_diffseg.widgets.wording import count

UNDEFINED = "–"

_EMPTY = {
    "saw nothing": "a finished read without a mark says that its reader saw nothing",
    "left out": "reads without a mark are left out",
}


def number(value: float | None, digits: int = 2) -> str:
    """For example "0.83", or a dash where it is not defined."""
    return UNDEFINED if value is None or math.isnan(value) else f"{value:.{digits}f}"


def pair_rows(structure: StructureAgreement) -> Iterator[tuple[str, ...]]:
    """A row a pair: who, Dice, IoU, HD95 in mm, difference of volume in ml."""
    for pair in structure.pairs:
        difference = millilitres(pair.volume_difference_ml)
        sign = "+" if pair.volume_difference_ml > 0 else ""
        hd95 = number(pair.hd95_mm, 1)
        yield f"{pair.first} – {pair.second}", number(pair.dice), number(pair.iou), hd95, sign + difference


def pair_tips(structure: StructureAgreement) -> list[str]:
    """What each pair's row does not say."""
    return [
        f"Volume of {pair.first} less that of {pair.second}."
        if pair.marked == 2
        else "One of the two marked nothing, so HD95 is not defined."
        if pair.marked
        else "Both marked nothing: they agree perfectly, and HD95 is not defined."
        for pair in structure.pairs
    ]


def session_rows(sessions: Mapping[str, CaseAgreement], place: int) -> Iterator[tuple[str, ...]]:
    """The same for two sessions of one reader.

    Args:
        sessions: of each reader who finished several.
        place: of the structure, from 0.
    """
    for reader, found in sessions.items():
        for which, *values in pair_rows(found.structures[place]):
            yield f"{reader}, {which.replace('session ', '')}", *values


def session_tips(sessions: Mapping[str, CaseAgreement], place: int) -> list[str]:
    """What each of these rows does not say."""
    return [
        f"{reader}. {tip}" for reader, found in sessions.items() for tip in pair_tips(found.structures[place])
    ]


def beyond_chance(found: CaseAgreement, structure: StructureAgreement) -> str:
    """Kappa and alpha, and which voxels they count."""
    return (
        f"Fleiss’ κ {number(structure.kappa)}, Krippendorff’s α {number(structure.alpha)}, over a box of "
        f"{times(found.box.shape)} voxels."
    )


def box_rule(margin_mm: float) -> str:
    """How the box of kappa and alpha is chosen."""
    return f"The box: {rule_of(margin_mm)}. κ and α depend on how much background is counted."


def left_out(found: CaseAgreement) -> str:
    """Readers who marked nothing and do not count; empty without any."""
    return f"Left out, as they marked nothing: {', '.join(found.left_out)}." if found.left_out else ""


def finding_rows(found: Detection, raters: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """A row a lesion: what it is called, and who saw it."""
    for place, finding in enumerate(found.findings, start=1):
        yield f"{place}  {_kinds(finding)}", _seen_by(finding, raters)


def seen(found: Detection) -> str:
    """How many lesions were seen by how many."""
    if not found.findings:
        return "Nobody marked a lesion."
    agreement = f"Mean agreement of two readers: {number(found.agreement)}."
    return f"{_lesions_seen(found.raters, found.seen_by)} {agreement}"


def summary_rows(found: StructureSummary, summary: AgreementSummary) -> Iterator[tuple[str, str, str]]:
    """A row a measure: its mean over cases, and the 95 % interval of that."""
    measures = (
        ("Dice", found.dice, 2),
        ("IoU", found.iou, 2),
        ("HD95 (mm)", found.hd95_mm, 1),
        ("Volume difference (ml)", found.volume_difference_ml, 3),
        ("Fleiss’ κ", found.kappa, 2),
        ("Krippendorff’s α", found.alpha, 2),
        ("Lesions: agreement of two", summary.detection, 2),
    )
    for what, value, digits in measures:
        yield what, number(value.mean, digits), interval(value, digits)


def session_summary_rows(
    sessions: Mapping[str, AgreementSummary], place: int
) -> Iterator[tuple[str, str, str]]:
    """A row a reader who read cases several times: how far their sessions agree."""
    for reader, summary in sessions.items():
        dice = summary.structures[place].dice
        yield f"Dice, {reader}’s sessions", number(dice.mean), interval(dice)


def interval(value: Estimate, digits: int = 2) -> str:
    """For example "0.71 to 0.86"; a dash with fewer than two cases."""
    if value.low is None or value.high is None:
        return UNDEFINED
    return f"{value.low:.{digits}f} to {value.high:.{digits}f}"


def summed_up(summary: AgreementSummary) -> str:
    """What the means are over."""
    told = [f"{count(summary.cases, 'case')}, {count(summary.reads, 'read')}."]
    for looked, by in summary.seen_by.items():
        told.append(_lesions_seen(looked, by))
    return " ".join(told)


def empty_reads(rule: str) -> str:
    """How the protocol counts a read without a mark."""
    return f"By the protocol {_EMPTY[rule]}."


def _lesions_seen(readers: int, by: Sequence[int]) -> str:
    parts = [f"{lesions} by {of}" for of, lesions in enumerate(by, start=1) if lesions]
    return f"Lesions seen, of {readers} readers: {', '.join(parts) or 'none'}."


def _kinds(finding: Finding) -> str:
    return " / ".join(dict.fromkeys(finding.kinds))


def _seen_by(finding: Finding, raters: tuple[str, ...]) -> str:
    names = [raters[place] for place in finding.raters]
    return "all" if len(names) == len(raters) else ", ".join(names)
