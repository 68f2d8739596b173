"""Twenty runs in one viewer, cancelled at random moments: do threads and memory stay flat?

xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/endurance.py [--runs 20] [--seed 0]

Every run's layers are removed before the next. Prints a row per run: how it ended, threads of the
process, and resident memory relative to that after the third run (by then caches are warm).
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("NAPARI_CONFIG", os.path.join(tempfile.mkdtemp(), "settings.yaml"))

import napari
import psutil
from qtpy.QtCore import QEventLoop, QTimer

from napari_diffseg.widgets import SegmentWidget

SETTLE_S = 0.6


def wait(condition: Callable[[], object], limit_s: float = 300.0) -> None:
    """Run a true event loop: outside one Qt never deletes the controls of a removed layer."""
    loop, end, check = QEventLoop(), time.perf_counter() + limit_s, QTimer()
    check.timeout.connect(lambda: loop.quit() if condition() or time.perf_counter() > end else None)
    check.start(5)
    loop.exec()
    if not condition():
        raise SystemExit("a run did not end")


def pause(seconds: float) -> None:
    end = time.perf_counter() + seconds
    wait(lambda: time.perf_counter() > end)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance, process = random.Random(arguments.seed), psutil.Process()
    viewer = napari.Viewer()
    viewer.open_sample("napari-diffseg", "head_mr")
    widget: SegmentWidget = viewer.window.add_plugin_dock_widget("napari-diffseg", "Segment")[1]
    viewer.dims.set_point(range(3), [v * 1.0 for v in viewer.dims.point])
    widget.region.choose("box")
    widget.form.rows["members"].value = 3
    scan_layers = len(viewer.layers)
    wait(widget.start.isEnabled)
    pause(3)
    print("run  ended      threads  memory / third run")
    base = None
    for number in range(1, arguments.runs + 1):
        widget.start.click()
        cancelled = chance.random() < 0.6
        if cancelled:
            pause(chance.uniform(0.0, 2.5))
            if widget.engine.job is not None:
                widget.start.click()
        wait(lambda: widget.engine.job is None)
        ended = widget.message.text().split(":")[0].split(" in ")[0][:10]
        for layer in list(viewer.layers)[scan_layers:]:
            viewer.layers.remove(layer)
        pause(SETTLE_S)
        gc.collect()
        memory = process.memory_info().rss
        base = memory if number == 3 else base
        relative = f"{memory / base:.3f}" if base else "-"
        print(f"{number:3}  {ended:10} {process.num_threads():7}  {relative}", flush=True)
    viewer.close()


if __name__ == "__main__":
    main()
