"""How long after Cancel a run is over, on the demo's box and on the whole sample head.

python benchmarks/cancel.py

Presses Cancel at random moments of a run of the bundled model; prints the longest wait of each region.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import suppress

import napari_diffseg as nd
from napari_diffseg.checkpoints.catalogue import find
from napari_diffseg.io.sample import sample_path
from napari_diffseg.volume import Box

TRIES = 8


def wait_s(scan: nd.Scan, checkpoint: nd.Checkpoint, box: Box | None, after_s: float) -> float:
    run, pressed = nd.segment(scan, checkpoint, box=box, members=64), []

    def press() -> None:
        pressed.append(time.perf_counter())
        run.cancel()

    threading.Timer(after_s, press).start()
    with suppress(nd.CancelledError):  # before the first member, as on the whole head
        run.result()
    return time.perf_counter() - pressed[0]


def main() -> None:
    scan, checkpoint = nd.read_volume(sample_path()), nd.load_checkpoint(find("hippocampus-imgx"))
    chance = random.Random(0)
    for name, box, latest_s in (
        ("box", Box((112, 94, 108), (148, 146, 144)), 4.0),
        ("whole head", None, 20.0),
    ):
        waits = [wait_s(scan, checkpoint, box, chance.uniform(1.0, latest_s)) for _ in range(TRIES)]
        print(f"{name}: longest wait {max(waits):.2f} s of {TRIES}")


if __name__ == "__main__":
    main()
