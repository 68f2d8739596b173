"""A new run's settings: a method's preset, its practice and what the data ask for."""

from __future__ import annotations

from typing import Any

from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.errors import TrainingError
from napari_diffseg.methods.practice import SMALL
from napari_diffseg.methods.registry import method
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.training.config import DataConfig, RunConfig, TrainConfig, ValidationConfig

_WHOLE_RANGE = Preparation(percentiles=None, intensity="min-max", range=(-1.0, 1.0), domain="scan")
"""Of images, whose grey values are from file to file what they are."""

_LARGEST_CROP = (96, 96, 96)


def new_run(name: str, *, method_name: str, preset: str, dataset: Dataset) -> RunConfig:
    """The settings of a run, to be changed or started as they are.

    A method whose preset is for volumes is set to slices where the data are images.

    Raises:
        CheckpointError: there is no such method.
        TrainingError: the method has no such preset.
    """
    module = method(method_name).load()
    if preset not in module.PRESETS:
        raise TrainingError(
            f"{method(method_name).title} has no preset “{preset}”; there are {', '.join(module.PRESETS)}."
        )
    settings: dict[str, Any] = module.PRESETS[preset].model_dump(mode="json")
    if dataset.dimensions == 2:
        settings["unet"]["dimensions"] = 2
    small = preset == "small"
    optimisation = SMALL if small else module.PRACTICE.optimisation
    volumes = settings["unet"]["dimensions"] == 3 and not module.PRESETS[preset].coordinates
    return RunConfig(
        name=name,
        method=method_name,
        config=settings,
        data=DataConfig(path=dataset.root),
        preparation=_WHOLE_RANGE if dataset.dimensions == 2 else Preparation(),
        augmentation=module.PRACTICE.augmentation,
        train=TrainConfig(**dict(optimisation), crop=_LARGEST_CROP if small and volumes else None),
        validation=ValidationConfig(every=max(1, min(5000, optimisation.steps // 10))),
    )
