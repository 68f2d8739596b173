"""Agreement and ratings as tables for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_diffseg.io.table import Cell, write_table
from napari_diffseg.raters.agreement import CaseAgreement
from napari_diffseg.raters.finished_read import FinishedRead
from napari_diffseg.raters.lesion import lesion_mask
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.stack import rule_of

PAIRS = "agreement-pairs.csv"
CASES = "agreement-cases.csv"
FINDINGS = "findings.csv"
RATINGS = "ratings.csv"

_PAIR = (
    "case",
    "structure",
    "first",
    "second",
    "dice",
    "iou",
    "hd95_mm",
    "volume_difference_ml",
    "reads_with_a_voxel",
)
_CASE = (
    "case",
    "patient",
    "structure",
    "raters",
    "left_out",
    "volumes_ml",
    "fleiss_kappa",
    "krippendorff_alpha",
    "detection_agreement",
    "box",
    "rule_of_the_box",
)
_FINDING = ("case", "finding", "d", "h", "w", "seen_by", "of_raters", "raters", "kinds", "rule")
_RATING = (
    "case",
    "rater",
    "session",
    "phase",
    "origin",
    "lesion",
    "kind",
    "class",
    "volume_ml",
    "d",
    "h",
    "w",
)


def write_agreement(folder: Path, cases: Iterable[CaseAgreement]) -> None:
    """Write a row for each pair of reads, for each case and structure, and for each lesion that somebody saw.

    Args:
        folder: that is there.
        cases: to write.

    Raises:
        ResultError: a table could not be written.
    """
    cases = tuple(cases)
    write_table(folder / PAIRS, _PAIR, (row for case in cases for row in _pairs(case)))
    write_table(folder / CASES, _CASE, (row for case in cases for row in _structures(case)))
    write_table(folder / FINDINGS, _FINDING, (row for case in cases for row in _findings(case)))


def write_ratings(
    path: Path, project: Project, reads: Mapping[str, Sequence[tuple[str, FinishedRead]]]
) -> None:
    """Write a row for each lesion of each read, with its ratings; a read without a lesion has one too.

    Args:
        path: of the table; its folder is there.
        project: that the reads are of.
        reads: by case, each with what its rater is called here.

    Raises:
        RaterProjectError: a file of a read is damaged or was changed.
        ResultError: the table could not be written.
    """
    questions = [field.name for field in project.document.form.fields]
    rows = [
        row
        for case, found in reads.items()
        for rater, read in found
        for row in _lesions(case, rater, read, project, questions)
    ]
    write_table(path, (*_RATING, *questions, "note"), rows)


def _pairs(case: CaseAgreement) -> Iterator[tuple[Cell, ...]]:
    for structure in case.structures:
        for pair in structure.pairs:
            yield (
                case.case,
                structure.structure,
                pair.first,
                pair.second,
                pair.dice,
                pair.iou,
                pair.hd95_mm,
                pair.volume_difference_ml,
                pair.marked,
            )


def _structures(case: CaseAgreement) -> Iterator[tuple[Cell, ...]]:
    for structure in case.structures:
        yield (
            case.case,
            case.patient,
            structure.structure,
            "; ".join(case.raters),
            "; ".join(case.left_out),
            "; ".join(f"{volume:g}" for volume in structure.volumes_ml),
            structure.kappa,
            structure.alpha,
            case.detection.agreement,
            str(case.box),
            rule_of(case.margin_mm),
        )


def _findings(case: CaseAgreement) -> Iterator[tuple[Cell, ...]]:
    for number, finding in enumerate(case.detection.findings, start=1):
        yield (
            case.case,
            number,
            *finding.voxel,
            len(finding.raters),
            case.detection.raters,
            "; ".join(case.raters[place] for place in finding.raters),
            "; ".join(finding.kinds),
            case.detection.rule.words,
        )


def _lesions(
    case: str, rater: str, read: FinishedRead, project: Project, questions: Sequence[str]
) -> Iterator[tuple[Cell, ...]]:
    record, lesions = read.record, read.lesions()
    first = (case, rater, record.session, record.phase, record.kind)
    if not lesions:
        yield (*first, *(None,) * (len(_RATING) - len(first)), *(None for _ in questions), record.note)
        return
    mask = read.mask()
    for lesion in lesions:
        voxels = np.argwhere(lesion_mask(mask.data, lesion))
        middle = voxels.mean(axis=0).round().astype(int).tolist() if len(voxels) else (None, None, None)
        yield (
            *first,
            lesion.number,
            lesion.kind,
            project.document.labels[lesion.label - 1].name,
            None if lesion.voxel else len(voxels) * mask.grid.voxel_ml,
            *(lesion.voxel or middle),
            *(lesion.ratings.get(question) for question in questions),
            lesion.note,
        )
