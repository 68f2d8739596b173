"""What a run's checkpoints say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

import numpy as np

from napari_diffseg.checkpoints.document import Channel, Document, Metric, Range, TrainingFacts
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.split import Split
from napari_diffseg.methods.registry import method
from napari_diffseg.training.cache import CachedCase
from napari_diffseg.training.config import RunConfig

_PACKAGES = ("napari-diffseg", "torch", "accelerate", "monai", "numpy")


def document_of(
    config: RunConfig, dataset: Dataset, split: Split, cases: Sequence[CachedCase], *, step: int
) -> Document:
    """The document of weights after `step`, without metrics."""
    return Document(
        name=config.name,
        title=f"{method(config.method).title}, {config.name}",
        method=config.method,
        config=config.config,
        classes=dataset.classes,
        channels=tuple(Channel(name=name, modality=dataset.modality) for name in dataset.channels),
        preparation=config.preparation,
        training=TrainingFacts(
            data=f"{dataset.root.name}, {dataset.layout}",
            licence=dataset.licence or "not stated",
            cases=len(cases),
            split=split.rule,
            steps=step,
            seed=config.train.seed,
            versions={name: version(name) for name in _PACKAGES},
            spacing_mm=_range([case.spacing_mm for case in cases]),
            extent_mm=_range([case.extent_mm for case in cases]),
        ),
        licence=dataset.licence,
        citation=dataset.citation,
        intended_use="Research. Not for diagnosis.",
    )


def metrics_of(
    config: RunConfig, values: Mapping[str, float | None], cases: int, step: int
) -> tuple[Metric, ...]:
    """Metrics of a validation as a checkpoint shows them; undefined ones are left out."""
    return tuple(
        Metric(
            name=name,
            value=value,
            cases=f"{cases} of the validation part, which chose these weights",
            members=config.validation.members,
            steps=config.validation.steps or int(config.config.get("steps", 1)),
            seed=config.validation.seed,
            command=f"napari-diffseg train --resume {config.name} (step {step})",
        )
        for name, value in values.items()
        if value is not None
    )


def _range(values: Sequence[tuple[float, float, float]]) -> Range:
    table = np.array(values)
    return Range(low=tuple(table.min(axis=0).tolist()), high=tuple(table.max(axis=0).tolist()))
