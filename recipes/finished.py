"""A finished run's last weights, as both recipes bundle them."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from napari_diffseg.checkpoints.checkpoint import load_checkpoint
from napari_diffseg.checkpoints.document import Document, TrainingFacts
from napari_diffseg.training.config import read_run
from napari_diffseg.training.folder import LAST, RUN


def finished(run: Path) -> tuple[Document, TrainingFacts, dict[str, Tensor]]:
    """What the last step's checkpoint says, how it was trained, and its weights in half precision."""
    checkpoint = load_checkpoint(run / LAST)
    facts, steps = checkpoint.document.training, read_run(run / RUN).train.steps
    if facts is None or facts.steps < steps:
        raise SystemExit(f"{run} is not finished. Go on with: napari-diffseg train --resume {run}")
    return checkpoint.document, facts, {name: tensor.half() for name, tensor in checkpoint.weights.items()}
