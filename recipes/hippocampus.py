"""Train the two bundled hippocampus models: ImgX-DiffSeg and its network without diffusion.

    python recipes/hippocampus.py train imgx      DATA RUN    # resumable; DATA holds images/ and labels/
    python recipes/hippocampus.py train imgx-unet DATA RUN

Stop rule, fixed beforehand: the last step's weights are the model. The validation files of
hippocampus-split.json choose nothing; they are scored once, by `recipes/hippocampus.py score`.

Both have the same network, cases and optimiser. A step of ImgX-DiffSeg costs four passes of the
network (one for recycling, one forward, two for the gradient), a step without diffusion three, so the
latter has 4/3 of the steps: the same compute.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from napari_diffseg.datasets.pairs import find_pairs
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.training.config import TrainingConfig
from napari_diffseg.training.trainer import train

STEPS = {"imgx": 3000, "imgx-unet": 4000}
WIDTHS = (24, 48, 96, 128)
SPLIT = json.loads(Path(__file__).with_name("hippocampus-split.json").read_text())


def config(method: str) -> TrainingConfig:
    time_injection = "scale-shift" if method == "imgx" else "none"
    return TrainingConfig(
        method=method,
        method_config={"unet": {"widths": WIDTHS, "time": time_injection}},
        preparation=Preparation(spacing_mm=(1.0, 1.0, 1.0), multiple=2 ** (len(WIDTHS) - 1)),
        classes=3,
        steps=STEPS[method],
    )


def run(method: str, data: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pairs = find_pairs(data)
    began = time.monotonic()
    for done in train(config(method), [pairs[name] for name in SPLIT["training"]], folder):
        if done.step % 50 == 0:
            print(f"{done.step} loss {done.loss:.4f} {done.parts} {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    run(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
