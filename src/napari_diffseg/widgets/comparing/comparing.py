"""What the Compare page has done in a thread: which cases may be compared, and how far their reads agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event as Flag

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.agreement import CaseAgreement, agreement
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.disagreement import Disagreement, disagreement
from napari_diffseg.raters.finished_read import phase_of
from napari_diffseg.raters.overview import overview
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.project_reads import counting_reads, reads_in_project, sessions_in_project
from napari_diffseg.raters.summary import AgreementSummary, summarise
from napari_diffseg.volume import Scan
from napari_diffseg.widgets.wording import count


@dataclass(frozen=True, slots=True)
class Comparable:
    """A case of the project.

    Args:
        case: its name.
        obstacle: why it cannot be compared yet, for example "waits for 1 of 2 readers"; empty where it can.
    """

    case: str
    obstacle: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class CaseComparison:
    """The reads of one case beside one another.

    Args:
        scan: the case's.
        reads: of everybody who finished, as they may be shown to whoever looks.
        agreement: of those that count.
        disagreements: of those, one a structure.
        sessions: of each rater who finished several and whose may be seen, one against another.
        own: what the rater who looks is called among the reads; empty for the project's owner.
    """

    scan: Scan = field(repr=False)
    reads: CaseReads
    agreement: CaseAgreement
    disagreements: tuple[Disagreement, ...]
    sessions: dict[str, CaseAgreement]
    own: str = ""

    @property
    def counted(self) -> CaseReads:
        """The reads that count by the protocol."""
        return self.reads.only([self.reads.raters.index(rater) for rater in self.agreement.raters])


@dataclass(frozen=True, slots=True)
class AllCases:
    """All cases that may be compared, together.

    Args:
        summary: means with their intervals.
        sessions: the same for the sessions of each rater who finished several and whose may be seen.
        margin_mm: of the boxes that kappa and alpha are counted in.
        rule: when two marks are of one lesion, in words.
    """

    summary: AgreementSummary
    sessions: dict[str, AgreementSummary]
    margin_mm: float
    rule: str


def find_cases(project: Project, by: str | None, given_up: Flag) -> Iterator[tuple[Comparable, ...]]:
    """Which cases may be compared.

    Args:
        project: of the cases.
        by: the rater who looks; None for the project's owner.
        given_up: not heard; it is soon done.

    Yields:
        Once, all cases in the project's order that the rater reads.

    Raises:
        RaterProjectError: a record that is opened is damaged.
    """
    if by is None:
        found = {entry.name: _unread(project, entry.name) for entry in project.document.cases}
    else:
        finished: dict[str, list[bool]] = {}
        for row in overview(project, by=by):
            finished.setdefault(row.case, []).append(row.state == "finished")
        own = [case for case in finished if by in project.raters_of(case)]
        found = {case: _blinded(project, case, finished[case]) for case in own}
    yield tuple(Comparable(case, obstacle) for case, obstacle in found.items())


def compare_case(project: Project, case: str, by: str | None, given_up: Flag) -> Iterator[CaseComparison]:
    """Hold the reads of a case against one another.

    Args:
        project: of the case.
        case: its name.
        by: the rater who looks; None for the project's owner.
        given_up: nobody waits for it any more.

    Raises:
        RaterProjectError: fewer than two reads may be seen, or a file is damaged or was changed.
        ScanError: the case's image cannot be read.
    """
    reads, scan = two_reads(project, case, by), project.scan(case)
    if given_up.is_set():
        return
    found = _agreement(project, reads)
    counted = reads.counted(project.document.protocol.empty_reads)
    labels = range(1, len(project.document.labels) + 1)
    yield CaseComparison(
        scan,
        reads,
        found,
        tuple(disagreement(counted.reads, label) for label in labels),
        dict(_with_themselves(project, case, by)),
        by or "",
    )


def compare_all(
    project: Project, cases: tuple[str, ...], by: str | None, given_up: Flag
) -> Iterator[int | AllCases]:
    """Hold the reads of many cases against one another.

    Args:
        project: of the cases.
        cases: their names, at least one.
        by: the rater who looks; None for the project's owner.
        given_up: nobody waits for it any more.

    Yields:
        How many cases are done, then the means over all.

    Raises:
        RaterProjectError: of one fewer than two reads may be seen, or a file is damaged or was changed.
    """
    found: list[CaseAgreement] = []
    sessions: dict[str, list[CaseAgreement]] = {}
    for done, case in enumerate(cases, start=1):
        if given_up.is_set():
            return
        found.append(_agreement(project, two_reads(project, case, by)))
        for rater, own in _with_themselves(project, case, by):
            sessions.setdefault(rater, []).append(own)
        yield done
    of_raters = {rater: summarise(own) for rater, own in sessions.items()}
    yield AllCases(summarise(found), of_raters, found[0].margin_mm, found[0].detection.rule.words)


def two_reads(project: Project, case: str, by: str | None) -> CaseReads:
    """The finished reads of a case that somebody may see.

    Raises:
        RaterProjectError: they are fewer than two, or a file is damaged or was changed.
    """
    found = reads_in_project(project, case, by=by)
    if found is None or len(found.reads) < 2:
        raise RaterProjectError(
            f"Of {case} there are not two finished reads that you may see. Wait until every reader has "
            "finished."
        )
    return found


def _agreement(project: Project, reads: CaseReads) -> CaseAgreement:
    names = [info.name for info in project.document.labels]
    return agreement(reads, names, empty_reads=project.document.protocol.empty_reads)


def _with_themselves(project: Project, case: str, by: str | None) -> Iterator[tuple[str, CaseAgreement]]:
    """What a rater drew in several sessions is for them and for the owner."""
    for rater in project.raters_of(case) if by is None else (by,):
        sessions = sessions_in_project(project, case, rater)
        if sessions is not None:
            yield rater, _agreement(project, sessions)


def _blinded(project: Project, case: str, finished: list[bool]) -> str:
    if len(finished) < 2:
        return "has one reader alone"
    if phase_of(project, case) == "unblinded":
        return ""
    left = max(1, finished.count(False))
    return f"blinded, waits for {left} of {len(finished)} readers"


def _unread(project: Project, case: str) -> str:
    there = len(counting_reads(project, case))
    return "" if there > 1 else f"has {count(there, 'finished read')}"
