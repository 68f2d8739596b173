"""How long the window stands still while a run streams over the whole sample head.

xvfb-run -a -s "-screen 0 1280x800x24" taskset -c 0,1 python benchmarks/stalls.py [--members 3] [--steps 2]

The engine has one core (torch with one thread); image, mean and consensus are visible. A 5 ms timer
ticks in the window's thread and a tick that comes late is a stall. Layer creation and the import of
torch are counted apart from the stream.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("NAPARI_CONFIG", os.path.join(tempfile.mkdtemp(), "settings.yaml"))

import magicgui.widgets  # noqa: F401 (warm: what napari and other docks load anyway)
import napari
from qtpy.QtCore import QEventLoop, Qt, QTimer

from napari_diffseg.results.events import Finished, MemberDone, Stepped
from napari_diffseg.widgets import SegmentWidget

PERIOD_MS = 5.0


class Beat:
    """Lateness of a timer's ticks in ms, in named phases."""

    def __init__(self) -> None:
        self.late: dict[str, list[float]] = {}
        self.phase = "start"
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(int(PERIOD_MS))

    def _tick(self) -> None:
        now = time.perf_counter()
        late = max(0.0, (now - self._last) * 1000 - PERIOD_MS)
        self.late.setdefault(self.phase, []).append(late)
        self._last = now


def wait(condition: Callable[[], object], limit_s: float) -> None:
    loop, ended = QEventLoop(), time.perf_counter() + limit_s
    check = QTimer()
    check.timeout.connect(lambda: loop.quit() if condition() or time.perf_counter() > ended else None)
    check.start(20)
    loop.exec()
    check.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2)
    arguments = parser.parse_args()
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    viewer.open_sample("napari-diffseg", "head_mr")
    began = time.perf_counter()
    widget: SegmentWidget = viewer.window.add_plugin_dock_widget("napari-diffseg", "Segment")[1]
    print(f"the dock opened in {time.perf_counter() - began:.2f} s, warm")
    beat = Beat()
    beat.phase = "import of torch"
    wait(lambda: widget.engine._loaded and widget.start.isEnabled(), 120)
    import torch

    beat.phase = "choosing"
    torch.set_num_threads(1)
    widget.region.choose("whole")
    widget.form.rows["members"].value = arguments.members
    widget.form.rows["steps"].value = arguments.steps
    wait(lambda: False, 3)

    def follow(event: object) -> None:
        if isinstance(event, Stepped) and event.step == 1 and event.member == 0:
            beat.phase = "layer creation"
            QTimer.singleShot(0, lambda: QTimer.singleShot(100, begin_stream))
        elif isinstance(event, MemberDone | Stepped):
            return
        elif isinstance(event, Finished):
            beat.phase = "end"

    def begin_stream() -> None:
        if beat.phase == "layer creation":
            beat.phase = "stream"

    beat.phase = "until the first step"
    widget.engine.told.connect(follow)
    began = time.perf_counter()
    widget.start.click()
    wait(lambda: widget.engine.job is None, 3000)
    print(f"run of {time.perf_counter() - began:.0f} s: {widget.message.text()}")
    print("phase                    ticks   p50   p99   max  > 50 ms  stalled share")
    for phase, late in beat.late.items():
        ordered = sorted(late)
        stalled = sum(value for value in late if value > 50)
        total = sum(late) + PERIOD_MS * len(late)
        print(
            f"{phase:24} {len(late):5} {ordered[len(late) // 2]:5.1f} "
            f"{ordered[min(len(late) - 1, int(0.99 * len(late)))]:5.0f} {ordered[-1]:5.0f} "
            f"{sum(value > 50 for value in late):8} {stalled / total:9.1%}"
        )
    viewer.close()


if __name__ == "__main__":
    main()
