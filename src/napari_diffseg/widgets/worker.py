"""Work in a thread that answers through signals, ends when asked, and can be waited for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from superqt.utils import GeneratorWorker

from napari_diffseg.errors import DiffSegError

logger = logging.getLogger(__name__)


class Worker(GeneratorWorker[Any, None, None]):
    """A generator function drawn from in one thread of Qt's pool.

    superqt's own falls silent on a RuntimeError, cannot be waited for alone, and hears `quit` only
    between two values; this one has none of the three.
    """

    def __init__(
        self, function: Callable[..., Iterator[Any]], *args: Any, on_quit: Callable[[], None]
    ) -> None:
        self._on_quit, self._begun, self._over = on_quit, Event(), Event()
        # a lambda stays a generator function where a decorator, as of run-time type checks, hides one
        draw: Any = lambda: (yield from _guarded(function, *args))  # noqa: E731
        super().__init__(draw)

    @property
    def is_over(self) -> bool:
        """Whether its thread is done with it."""
        return self._over.is_set()

    def quit(self) -> None:
        """Ask for an early end; napari does so for every worker when it closes."""
        super().quit()
        self._on_quit()

    def run(self) -> None:
        """Called by Qt in the thread."""
        self._begun.set()
        try:
            super().run()
        finally:
            self._over.set()

    def join(self) -> None:
        """Wait until the thread is done with it; at once when it has not begun."""
        if self._begun.is_set():
            self._over.wait()


def work(
    function: Callable[..., Iterator[Any]],
    *args: Any,
    yielded: Any,
    errored: Any,
    finished: Any,
    on_quit: Callable[[], None] = lambda: None,
) -> Worker:
    """Start a generator function in a thread.

    Args:
        function: gives an iterator when it is called in the thread.
        args: of the function.
        yielded: a signal or method of a QObject of the window's thread, so that it is called there; so
            are the next two.
        errored: gets the error.
        finished: called in any case, last.
        on_quit: called when an early end is asked for.
    """
    worker = Worker(function, *args, on_quit=on_quit)
    worker.yielded.connect(yielded)
    worker.errored.connect(errored)
    worker.finished.connect(finished)
    worker.start()
    return worker


def _guarded(function: Callable[..., Iterator[Any]], *args: Any) -> Iterator[Any]:
    """The function's values, with every foreign exception logged and turned into a sentence."""
    try:
        yield from function(*args)
    except DiffSegError:
        raise
    except Exception as error:
        logger.exception("An unexpected error in a worker")
        raise DiffSegError(
            f"An unexpected error ended this ({type(error).__name__}: {error}). "
            "The log has the details; please report it."
        ) from error
