"""A model segments one case after the other, and each ensemble is held against the reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event as Flag

from qtpy.QtCore import QObject, Signal

from napari_diffseg.checkpoints.document import Document
from napari_diffseg.errors import DiffSegError
from napari_diffseg.raters.against_model import ModelAgainstRaters, against_model
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.project import Project
from napari_diffseg.raters.stack import stated_box
from napari_diffseg.results.events import Event, Finished
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.results.result import Result
from napari_diffseg.volume import Scan
from napari_diffseg.widgets.comparing.comparing import two_reads
from napari_diffseg.widgets.engine import Engine
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.job import Request
from napari_diffseg.widgets.model_scan import scan_for


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What one case takes.

    Args:
        reads: that count.
        request: for the engine.
    """

    reads: CaseReads
    request: Request


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """What came of one case.

    Args:
        rows: of each structure.
        result: the ensemble.
    """

    rows: tuple[ModelAgainstRaters, ...]
    result: Result


class ModelTrial(QObject):
    """Works off a list of cases; one that fails ends it.

    Args:
        project: of the cases.
        parent: of this.

    Attributes:
        engine: made at the first run, since it loads torch.

    Signals:
        begun: name of the case that is next.
        told: an Event of the engine's run.
        tried: a Tried.
        failed: why it ended early, a DiffSegError.
        ended: it is over, in any case.
    """

    begun = Signal(str)
    told = Signal(object)
    tried = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, project: Project, parent: QObject) -> None:
        super().__init__(parent)
        self.project = project
        self.engine: Engine | None = None
        self._left: list[str] = []
        self._chosen: tuple[Path, Document, SamplingOptions] | None = None
        self._by: str | None = None
        self._material: Material | None = None
        self._errand: Errand | None = None
        self._result: Result | None = None

    @property
    def is_running(self) -> bool:
        """Whether it is at work."""
        return self._chosen is not None

    def run(
        self,
        cases: Sequence[str],
        by: str | None,
        path: Path,
        document: Document,
        options: SamplingOptions,
    ) -> None:
        """Segment the cases in the boxes around their reads.

        Args:
            cases: their names.
            by: who looks; None for the project's owner.
            path: of the checkpoint.
            document: of the checkpoint.
            options: without a box.
        """
        if self.is_running:
            return
        if self.engine is None:
            self.engine = Engine(self)
            self.engine.told.connect(self._take)
            self.engine.failed.connect(self._fail)
            self.engine.ended.connect(self._hold_against)
        self._left, self._by, self._chosen = list(cases), by, (path, document, options)
        self._next()

    def cancel(self) -> None:
        """End it soon; `ended` follows."""
        self._left = []
        if self.engine is not None and self.engine.job is not None:
            self.engine.cancel()
        elif self._errand is not None:
            self._errand.give_up()
            self._errand = None
            self._end()

    def close(self) -> None:
        """Leave no thread, and tell nothing more; may be called again."""
        self.blockSignals(True)
        if self._errand is not None:
            self._errand.give_up()
        if self.engine is not None:
            self.engine.close()

    def _next(self) -> None:
        if not self._left or self._chosen is None:
            self._end()
            return
        case = self._left.pop(0)
        self.begun.emit(case)
        self._do(Errand(self, _prepare, self.project, case, self._by, *self._chosen), self._segment)

    def _segment(self, material: Material) -> None:
        self._material, self._result = material, None
        if self.engine is not None:
            self.engine.run(material.request)

    def _take(self, event: Event) -> None:
        if isinstance(event, Finished):
            self._result = event.result
        self.told.emit(event)

    def _hold_against(self) -> None:
        """The engine is done with a case."""
        result, material = self._result, self._material
        if result is None or material is None or result.cancelled:
            self._end()
            return
        classes = len(self.project.document.labels)
        self._do(Errand(self, _compare, result, material.reads, classes), self._note)

    def _note(self, tried: Tried) -> None:
        self.tried.emit(tried)
        self._next()

    def _do(self, errand: Errand, then: Callable[..., None]) -> None:
        self._errand = errand
        errand.told.connect(then)
        errand.failed.connect(self._stop)
        errand.ended.connect(partial(self._forget, errand))
        errand.run()

    def _forget(self, errand: Errand) -> None:
        if self._errand is errand:
            self._errand = None

    def _stop(self, error: DiffSegError) -> None:
        self._fail(error)
        self._end()

    def _fail(self, error: DiffSegError) -> None:
        self._left = []
        self.failed.emit(error)

    def _end(self) -> None:
        self._chosen = self._material = self._result = None
        self.ended.emit()


def request_for(
    scan: Scan, reads: CaseReads, path: Path, document: Document, options: SamplingOptions
) -> Request:
    """What the engine is asked for a case.

    Args:
        scan: the case's.
        reads: around which the box lies.
        path: of the checkpoint.
        document: of the checkpoint.
        options: without a box.

    Raises:
        ScanError: the case lacks a channel of the model.
    """
    boxed = options.model_copy(update={"box": stated_box(reads.reads), "preview": False})
    return Request(scan_for(document, scan), path, document, boxed)


def _prepare(
    project: Project,
    case: str,
    by: str | None,
    path: Path,
    document: Document,
    options: SamplingOptions,
    given_up: Flag,
) -> Iterator[Material]:
    reads = two_reads(project, case, by).counted(project.document.protocol.empty_reads)
    yield Material(reads, request_for(project.scan(case), reads, path, document, options))


def _compare(result: Result, reads: CaseReads, classes: int, given_up: Flag) -> Iterator[Tried]:
    """Structures that the model has and the project has not are passed over."""
    yield Tried(against_model(result, reads)[:classes], result)
