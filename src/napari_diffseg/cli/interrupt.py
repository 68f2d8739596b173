"""Ctrl-C while a run goes on: the first one cancels and keeps what is finished, the second one kills."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def cancelling(cancel: Callable[[], None]) -> Iterator[None]:
    """Call `cancel` at the first interrupt inside the block; in the main thread only."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def interrupted(number: int, frame: FrameType | None) -> None:
        restore()
        cancel()

    for number in _SIGNALS:
        signal.signal(number, interrupted)
    try:
        yield
    finally:
        restore()
