"""What a run would take: a few timed steps on a few cases, of which nothing is kept."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.methods.registry import method
from napari_diffseg.training.cache import cached
from napari_diffseg.training.config import RunConfig
from napari_diffseg.training.items import Items
from napari_diffseg.training.loader import Loader, Share
from napari_diffseg.training.material import parted
from napari_diffseg.training.start import accelerator_of, settings_of
from napari_diffseg.training.trainer import Trainer

_CASES, _STEPS = 4, 4


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would take on this machine.

    Args:
        seconds_a_step: without validations; the median of a few steps after the first one.
        memory_bytes: most that was alive at once on the GPU; on a CPU, of the process.
        parameters: of the network.
        device: that was used.
    """

    seconds_a_step: float
    memory_bytes: int
    parameters: int
    device: str


def forecast(config: RunConfig) -> Forecast:
    """Prepare a few cases of the training part and take a few steps.

    Raises:
        DatasetError, TrainingError: the run could not start.
        torch.OutOfMemoryError: it needs more memory than the GPU has.
    """
    accelerator = accelerator_of(config.train)
    dataset, settings = open_dataset(config.data.path), settings_of(config)
    split = parted(dataset, config.data)
    classes, module = len(dataset.classes) + 1, method(config.method).load()
    network = module.build(settings, channels=len(dataset.channels), classes=classes)
    share = Share(config.train.batch, config.train.accumulate)
    with tempfile.TemporaryDirectory() as folder:
        cases = [
            cached(case, config.preparation, classes, Path(folder) / str(number))
            for number, case in enumerate(dataset.chosen(split.train[:_CASES]))
        ]
        loader = Loader(
            Items(config, settings, cases, classes), share, config.train.workers, accelerator.device
        )
        trainer, seconds = Trainer(config.train, module, settings, network, accelerator), []
        for step, batches in enumerate(loader.steps(1, _STEPS), start=1):
            began = time.perf_counter()
            trainer.step(step, batches, share)
            seconds.append(time.perf_counter() - began)
        loader.close()
    on_gpu = accelerator.device.type == "cuda"
    return Forecast(
        seconds_a_step=statistics.median(seconds[1:]),
        memory_bytes=torch.cuda.max_memory_allocated() if on_gpu else psutil.Process().memory_info().rss,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        device=str(accelerator.device),
    )
