"""What a run would take: a few timed steps on a few cases, of which nothing is kept."""

from __future__ import annotations

import logging
import statistics
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psutil
import torch

from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.errors import DiffSegError
from napari_diffseg.methods.registry import method
from napari_diffseg.training.cache import CachedCase, cached
from napari_diffseg.training.config import RunConfig, read_run
from napari_diffseg.training.ending import sentence_of
from napari_diffseg.training.events import Ended, Warned
from napari_diffseg.training.folder import RUN
from napari_diffseg.training.forecast import Forecast, write_forecast
from napari_diffseg.training.items import Items
from napari_diffseg.training.parting import parted
from napari_diffseg.training.start import accelerator_of, settings_of
from napari_diffseg.training.status import Status, write_status
from napari_diffseg.training.steps import steps_from
from napari_diffseg.training.trainer import Trainer

logger = logging.getLogger(__name__)

_CASES, _STEPS = 4, 4


def check(run: Path) -> Ended:
    """Leave a run's forecast in its folder, or say in its status why there is none.

    Args:
        run: a folder with a run.toml.

    Raises:
        TrainingError: run.toml cannot be read.
    """
    config = read_run(run / RUN)
    try:
        write_forecast(run, forecast(config))
        ended = Ended(state="finished", step=0)
    except Exception as error:
        logger.info("The check ended with an error", exc_info=True)
        ended = Ended(state="failed", step=0, sentence=sentence_of(error))
    write_status(run, Status(state=ended.state, sentence=ended.sentence))
    return ended


def forecast(config: RunConfig) -> Forecast:
    """Prepare a few cases of the training part and take a few steps.

    Raises:
        DatasetError, TrainingError: the run could not start.
        torch.OutOfMemoryError: a single item needs more memory than the GPU has.
    """
    accelerator = accelerator_of(config.train)
    dataset, settings = open_dataset(config.data.path), settings_of(config)
    classes, module = len(dataset.classes) + 1, method(config.method).load()
    network = module.build(settings, channels=len(dataset.channels), classes=classes)
    trainer = Trainer(config.train, module, settings, network, accelerator)
    few = config.train.model_copy(update={"steps": _STEPS})
    with tempfile.TemporaryDirectory() as folder:
        cases = list(islice(_prepared(config, dataset, classes, Path(folder)), _CASES))
        items = Items(config, settings, cases, classes)
        seconds = [stepped.seconds for stepped in steps_from(1, few, trainer, items, warn=_log)]
    on_gpu = accelerator.device.type == "cuda"
    return Forecast(
        seconds_a_step=statistics.median(seconds[1:]),
        memory_bytes=torch.cuda.max_memory_allocated() if on_gpu else psutil.Process().memory_info().rss,
        parameters=trainer.parameters,
        device=str(accelerator.device),
    )


def _prepared(config: RunConfig, dataset: Dataset, classes: int, folder: Path) -> Iterator[CachedCase]:
    """Cases of the training part, without the bad ones where the run may leave them out."""
    for number, case in enumerate(dataset.chosen(parted(dataset, config.data).train)):
        try:
            yield cached(case, config.preparation, classes, folder / str(number))
        except DiffSegError:
            if not config.data.skip_bad:
                raise


def _log(warned: Warned) -> None:
    logger.info("%s", warned.sentence)
