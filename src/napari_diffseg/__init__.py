"""Diffusion segmentation of 3D scans: several answers, their mean and variance, one consensus.

Names are loaded when they are first used, so that importing the package is quick and brings no torch.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_diffseg.errors import (
    CancelledError,
    CheckpointError,
    DatasetError,
    DiffSegError,
    GridMismatchError,
    OutOfMemoryError,
    PreparationError,
    ResultError,
    ScanError,
    SettingsError,
    TrainingError,
)

if TYPE_CHECKING:
    from napari_diffseg.checkpoints.checkpoint import Checkpoint, load_checkpoint
    from napari_diffseg.checkpoints.official.importing import import_official
    from napari_diffseg.evaluation.scores import evaluate
    from napari_diffseg.inference.run import segment
    from napari_diffseg.io.nifti import read_volume
    from napari_diffseg.results.folder import read_result, write_result
    from napari_diffseg.results.options import SamplingOptions
    from napari_diffseg.training.run import train
    from napari_diffseg.volume.scan import Scan

# On a CPU torch then asks Linux for huge pages; mapping small ones anew for every layer takes up to half of a
# network's time (docs/architecture.md, How fast). It looks once, before its first tensor.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

__all__ = [
    "CancelledError",
    "Checkpoint",
    "CheckpointError",
    "DatasetError",
    "DiffSegError",
    "GridMismatchError",
    "OutOfMemoryError",
    "PreparationError",
    "ResultError",
    "SamplingOptions",
    "Scan",
    "ScanError",
    "SettingsError",
    "TrainingError",
    "evaluate",
    "import_official",
    "load_checkpoint",
    "read_result",
    "read_volume",
    "segment",
    "train",
    "write_result",
]

_HOMES = {
    "Checkpoint": "checkpoints.checkpoint",
    "SamplingOptions": "results.options",
    "Scan": "volume.scan",
    "evaluate": "evaluation.scores",
    "import_official": "checkpoints.official.importing",
    "load_checkpoint": "checkpoints.checkpoint",
    "read_result": "results.folder",
    "read_volume": "io.nifti",
    "segment": "inference.run",
    "train": "training.run",
    "write_result": "results.folder",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
