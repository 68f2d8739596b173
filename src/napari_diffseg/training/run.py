"""A run from its folder's run.toml to its checkpoints, or from its last saved state on."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Event

import torch
from accelerate import Accelerator

from napari_diffseg.inference.evaluator import deterministic
from napari_diffseg.methods.registry import method
from napari_diffseg.training.config import RunConfig, read_run
from napari_diffseg.training.control import Stopped
from napari_diffseg.training.course import Course
from napari_diffseg.training.ending import listening, sentence_of
from napari_diffseg.training.events import Ended, Started, Warned
from napari_diffseg.training.folder import RUN, clear_leftovers
from napari_diffseg.training.journal import Journal
from napari_diffseg.training.material import Material, gather
from napari_diffseg.training.start import (
    accelerator_of,
    in_full,
    is_first,
    settings_of,
    weights_to_start_from,
)
from napari_diffseg.training.state import State, load_state
from napari_diffseg.training.status import require_idle
from napari_diffseg.training.trainer import Trainer
from napari_diffseg.training.wishes import Wishes

logger = logging.getLogger(__name__)


def train(run: Path) -> Ended:
    """Carry out a run, or go on from its last saved state; whatever goes wrong ends in a sentence.

    Args:
        run: a folder with a run.toml; everything else is written there.

    Raises:
        TrainingError: run.toml cannot be read, the folder cannot be written to, or another process is at it.
    """
    config = read_run(run / RUN)
    require_idle(run)  # before the processes meet: after that the first one says that it is at it
    with deterministic(config.train.deterministic), listening() as stop:
        journal = Journal(run, config.train.steps, silent=not is_first(config.train))
        try:
            _carry_out(run, config, journal, stop)
            ended = Ended(state="finished", step=journal.step)
        except Stopped:
            ended = Ended(state="stopped", step=journal.step)
        except Exception as error:
            logger.info("The run ended with an error", exc_info=True)
            ended = Ended(state="failed", step=journal.step, sentence=sentence_of(error))
        journal.end(ended)
    return ended


def _carry_out(run: Path, config: RunConfig, journal: Journal, stop: Event) -> None:
    """To the end, or to a request to stop."""
    accelerator = accelerator_of(config.train)
    config = in_full(config)  # refused before cases are prepared for hours
    if accelerator.is_main_process:
        clear_leftovers(run)
    state, damaged = load_state(run)
    journal.step = state.step if state else 0
    journal.stand("preparing")
    for folder in damaged:
        journal.say(
            Warned(sentence=f"The saved state {folder} is damaged; the run goes on from step {journal.step}.")
        )
    if config.train.tensorboard:
        journal.draw()
    wishes = Wishes(journal, stop)
    material = gather(run, config, accelerator, say=journal.say, go_on=lambda: wishes.go_on("preparing"))
    trainer = _trainer(config, material, state, accelerator)
    journal.say(
        Started(
            step=journal.step,
            steps=config.train.steps,
            device=str(accelerator.device),
            parameters=trainer.parameters,
        ),
        safely=True,
    )
    Course(run, config, material, trainer, state, journal=journal, wishes=wishes).follow()


def _trainer(config: RunConfig, material: Material, state: State | None, accelerator: Accelerator) -> Trainer:
    """Network and optimiser as they were saved, or as they begin."""
    module, settings = method(config.method).load(), settings_of(config)
    torch.manual_seed(config.train.seed)
    network = module.build(settings, channels=len(material.dataset.channels), classes=material.classes)
    if state is None and config.train.start_from is not None:
        network.load_state_dict(weights_to_start_from(config.train.start_from, network))
    trainer = Trainer(config.train, module, settings, network, accelerator)
    if state is not None:
        trainer.restore(state)
    return trainer
