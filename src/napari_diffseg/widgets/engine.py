"""The engine as a dock sees it: it loads in a thread, plans before the click, and draws one run at a time.

Torch is imported in threads alone. Everything is told through signals in the window's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_diffseg.errors import DiffSegError
from napari_diffseg.widgets.job import Job, Request, forecast, load_engine
from napari_diffseg.widgets.worker import Worker, work

_SETTLED_MS = 250
_LOADED_AFTER_MS = 1000


class Engine(QObject):
    """Loads, plans and runs; each in a worker of its own.

    Signals:
        loaded: device and precision, for example "CPU, bf16".
        foreseen: the Forecast of the latest request.
        refused: why the latest request would be refused, a sentence.
        told: an Event of the run.
        failed: why the run ended, a DiffSegError.
        ended: the run is over, in any case.
    """

    loaded = Signal(str)
    foreseen = Signal(object)
    refused = Signal(str)
    told = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job: Job | None = None
        self._threads = _Threads()
        self._latest: Request | None = None  # asked for
        self._current: Request | None = None  # being planned
        self._planned: Request | None = None
        self._loaded = False
        self._shown = _timer(self, _LOADED_AFTER_MS, self._load)
        self._settled = _timer(self, _SETTLED_MS, self._plan)
        self._shown.start()
        # a window that closes beside another one deletes its docks, and quits nothing
        self.destroyed.connect(self._threads.stop)

    def ask(self, request: Request | None) -> None:
        """Plan this request when nothing else was asked for a moment; None plans nothing."""
        self._latest = request
        self._settled.start()

    def run(self, request: Request) -> None:
        """Draw an ensemble; nothing happens while one is being drawn."""
        if self.job is not None:
            return
        job = self.job = self._threads.job = Job(request)
        self._work(job.events, yielded=self.told, errored=self.failed, finished=self._end, on_quit=job.cancel)

    def cancel(self) -> None:
        """End the run soon; `ended` follows."""
        if self.job is not None:
            self.job.cancel()

    def close(self) -> Job | None:
        """Cancel, wait until no thread is left, and tell nothing more; may be called again.

        Returns:
            The run that was going on.
        """
        job, self.job = self.job, None
        self.blockSignals(True)
        self._shown.stop()
        self._settled.stop()
        self._threads.stop()
        return job

    def _load(self) -> None:
        self._work(load_engine, yielded=self._note_loaded, errored=self.failed, finished=self._plan)

    def _note_loaded(self, what: str) -> None:
        self._loaded = True
        self.loaded.emit(what)

    def _plan(self) -> None:
        """Plan the latest request, one at a time and not beside a run."""
        if self._latest in (None, self._planned) or self._current or self.job or not self._loaded:
            return
        self._current = self._latest
        self._work(
            forecast, self._current, yielded=self._foresee, errored=self._refuse, finished=self._note_planned
        )

    def _foresee(self, found: object) -> None:
        if self._current is self._latest:
            self.foreseen.emit(found)

    def _refuse(self, error: DiffSegError) -> None:
        if self._current is self._latest:
            self.refused.emit(str(error))

    def _note_planned(self) -> None:
        self._planned, self._current = self._current, None
        self._plan()

    def _end(self) -> None:
        self.job = self._threads.job = None
        self.ended.emit()

    def _work(self, function: Callable[..., Iterator[Any]], *args: Any, **slots: Any) -> None:
        self._threads.add(work(function, *args, **slots))


class _Threads:
    """What is going on in threads; no QObject, so that it outlives one."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self._workers: list[Worker] = []

    def add(self, worker: Worker) -> None:
        self._workers = [*(other for other in self._workers if not other.is_over), worker]

    def stop(self, *_: object) -> None:
        """Cancel the run and wait for every thread."""
        if self.job is not None:
            self.job.cancel()
        for worker in self._workers:
            worker.join()


def _timer(parent: QObject, interval_ms: int, then: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(interval_ms)
    timer.timeout.connect(then)
    return timer
