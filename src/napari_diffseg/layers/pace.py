"""How often a picture is drawn again, so that drawing never fills the window's thread."""

from __future__ import annotations

import time
from collections.abc import Callable

Later = Callable[[float, Callable[[], None]], None]

_REST = 10.0
_LEAST_REST_S = 0.3
# Qt paints some time after it was told to, in several parts; a timer that is late tells how long they took
_LOOKS = 4
_LOOK_S = 0.015


def qt_later(wait_s: float, call: Callable[[], None]) -> None:
    """Call back in the window's thread, as soon after so many seconds as it is free."""
    from qtpy.QtCore import QTimer

    QTimer.singleShot(round(1000 * wait_s), call)


class Pace:
    """Draws when asked, then rests ten times as long as that took, never under 0.3 s.

    Asking during a rest is remembered once, however often: one drawing follows when it is over.

    Args:
        draw: what is done.
        later: calls back in the drawing thread after so many seconds, or later when that thread is
            busy: the repaint that follows a drawing counts as part of it. None for a program without
            an event loop: the repaint is not counted, and asking during a rest is forgotten.
        clock: seconds.
    """

    def __init__(
        self,
        draw: Callable[[], None],
        later: Later | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._draw, self._later, self._clock = draw, later, clock
        self._drawing = False  # until the repaint is over
        self._rested_s = clock()
        self._asked = False
        self._stopped = False

    def ask(self) -> None:
        """Draw now, or once when the rest is over."""
        if self._stopped or self._asked:
            return
        if self._rested():
            self._begin()
        elif self._later is not None:
            self._asked = True
            self._wait()

    def stop(self) -> None:
        """Never draw again."""
        self._stopped = True

    def _begin(self) -> None:
        self._drawing, began_s = True, self._clock()
        self._draw()
        self._look(self._clock() - began_s, 0 if self._later is None else _LOOKS)

    def _look(self, took_s: float, looks: int) -> None:
        """Add to the time taken what each of some short timers is late."""
        now_s = self._clock()
        if looks == 0 or self._later is None:
            self._drawing, self._rested_s = False, now_s + max(_LEAST_REST_S, _REST * took_s)
            return
        due_s = now_s + _LOOK_S
        self._later(_LOOK_S, lambda: self._look(took_s + max(0.0, self._clock() - due_s), looks - 1))

    def _rested(self) -> bool:
        return not self._drawing and self._clock() >= self._rested_s

    def _wait(self) -> None:
        if self._later is not None:
            self._later(max(0.01, self._rested_s - self._clock()), self._again)

    def _again(self) -> None:
        if self._stopped:
            return
        if self._rested():
            self._asked = False
            self._begin()
        else:
            self._wait()
