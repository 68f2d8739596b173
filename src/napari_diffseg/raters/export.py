"""A project's finished reads as files that any program opens.

    <case>/<rater>.nii.gz          a mask of classes on the scan's grid
    <case>/<rater>.dcm             the same as a DICOM segmentation, where DICOM is given
    <case>/consensus.nii.gz        taken as asked for
    ratings.csv                    a row a lesion
    agreement-pairs.csv            a row a pair of reads
    agreement-cases.csv            a row a case and structure
    findings.csv                   a row a lesion that somebody saw, matched across raters

The folder is there whole or not at all. Patients' names stand nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.nifti import StrPath, write_volume
from napari_diffseg.raters.agreement import CaseAgreement, agreement
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.consensus import Consensus, Way, consensus
from napari_diffseg.raters.finished_read import FinishedRead, numbered
from napari_diffseg.raters.new_folder import made_in_place
from napari_diffseg.raters.paths import folder_name
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.project_reads import counting_reads, taken
from napari_diffseg.raters.read_record import Phase
from napari_diffseg.raters.stack import stated_box
from napari_diffseg.raters.tables import RATINGS, write_agreement, write_ratings
from napari_diffseg.volume.label_map import LabelMap

CONSENSUS = "consensus"


@dataclass(frozen=True, slots=True)
class Exporting:
    """How far it is.

    Args:
        done: cases.
        cases: that have a finished read.
    """

    done: int
    cases: int


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Args:
        folder: that holds it.
        cases: that have a finished read.
        reads: their masks.
        warnings: sentences that a person must know, on the consensus.
    """

    folder: Path
    cases: tuple[str, ...]
    reads: int
    warnings: tuple[str, ...]


def exporting(
    project: Project,
    folder: StrPath,
    *,
    way: Way = "majority",
    level: float = 0.5,
    phase: Phase = "blinded",
    anonymous: bool = False,
    dicom: Path | None = None,
) -> Generator[Exporting | Exported, None, None]:
    """Write every rater's masks, their consensus, ratings and agreement. For the project's owner.

    Args:
        project: whose finished reads are taken, see `project_reads.counting_reads`.
        folder: that is not there yet.
        way: of the consensus; STAPLE looks at the box that agreement is counted in.
        level: of the consensus.
        phase: of the reads.
        anonymous: whether raters become "reader 1" to "reader n", another number in every case.
        dicom: where the cases' DICOM series lie, however deep, for a DICOM segmentation of every read too;
            a case without a series there gets a warning instead.

    Yields:
        After each case how many are done, and what was written in the end. Closed before that, it leaves
        nothing.

    Raises:
        RaterProjectError: nobody has finished a read, a read is damaged, the folder cannot be written, or
            highdicom is wanted and not installed.
        ScanError: a DICOM file is damaged.
        ResultError: a file cannot be written; nothing is left then.
    """
    found = {
        entry.name: named
        for entry in project.document.cases
        if (named := list(_named(project, entry.name, phase, anonymous=anonymous)))
    }
    if not found:
        raise RaterProjectError(
            f"Nobody has finished a read of “{project.document.title}” yet, so there is nothing to export. "
            "Finish a read first."
        )
    segmentations = _segmentation_writer(project, dicom) if dicom else None
    warnings: list[str] = []
    with made_in_place(Path(folder).resolve()) as partial:
        agreements = []
        for number, (case, reads) in enumerate(found.items(), start=1):
            place = partial / folder_name(case)
            drawn = taken(project, case, [read for _, read in reads], [rater for rater, _ in reads])
            fused, agreed = _write_case(place, project, drawn, way, level)
            agreements.append(agreed)
            said = list(fused.warnings)
            if segmentations:
                said += _write_segmentations(place, drawn, segmentations)
            warnings += [f"{case}: {warning}" for warning in said]
            yield Exporting(number, len(found))
        write_agreement(partial, agreements)
        write_ratings(partial / RATINGS, project, found)
    yield Exported(Path(folder), tuple(found), sum(map(len, found.values())), tuple(warnings))


def _named(
    project: Project, case: str, phase: Phase, *, anonymous: bool
) -> Iterator[tuple[str, FinishedRead]]:
    shown = numbered(project, case) if anonymous else {}
    for read in counting_reads(project, case, phase=phase):
        yield shown.get(read.reader, read.reader), read


def _write_case(
    folder: Path, project: Project, found: CaseReads, way: Way, level: float
) -> tuple[Consensus, CaseAgreement]:
    protocol, names = project.document.protocol, [info.name for info in project.document.labels]
    counted = found.counted(protocol.empty_reads)
    fused = consensus(counted.reads, len(names), way=way, level=level, box=stated_box(counted.reads))
    folder.mkdir()
    for rater, read in zip(found.raters, found.reads, strict=True):
        _write(folder, _file_name(rater), read)
    _write(folder, CONSENSUS, fused.labels)
    return fused, agreement(found, names, empty_reads=protocol.empty_reads)


def _segmentation_writer(project: Project, dicom: Path) -> Callable[..., None]:
    # here, since pydicom takes half a second to import
    from napari_diffseg.raters.dicom_seg import series_below, write_dicom_seg

    return partial(write_dicom_seg, series=series_below(dicom), classes=project.document.labels)


def _write_segmentations(folder: Path, found: CaseReads, write: Callable[..., None]) -> list[str]:
    """What a person must know where they cannot be written."""
    try:
        for rater, read in zip(found.raters, found.reads, strict=True):
            write(folder / f"{_file_name(rater)}.dcm", read, rater=rater)
    except RaterProjectError as error:
        return [str(error)]
    return []


def _file_name(rater: str) -> str:
    """Nobody's file is the consensus."""
    name = folder_name(rater)
    return f"{name}-reader" if name.casefold() == CONSENSUS else name


def _write(folder: Path, name: str, mask: LabelMap) -> None:
    write_volume(folder / f"{name}.nii.gz", mask.data, mask.origin, mask.grid)
