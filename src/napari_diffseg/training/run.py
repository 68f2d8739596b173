"""A run from its folder's run.toml to its checkpoints, or from its last saved state on."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Literal

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from napari_diffseg.checkpoints.checkpoint import Checkpoint, save_checkpoint
from napari_diffseg.checkpoints.document import Metric
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.datasets.split import Split, read_split, split_by_patient, write_split
from napari_diffseg.errors import DatasetError, DiffSegError, TrainingError
from napari_diffseg.evaluation.summary import Summary
from napari_diffseg.inference.evaluator import deterministic
from napari_diffseg.methods.method import Loss
from napari_diffseg.methods.registry import method
from napari_diffseg.training.cache import CachedCase, cached
from napari_diffseg.training.config import RunConfig, read_run
from napari_diffseg.training.control import Request
from napari_diffseg.training.document import document_of, metrics_of
from napari_diffseg.training.ending import listening, sentence_of
from napari_diffseg.training.events import Ended, Prepared, Saved, Started, Stepped, Validated, Warned
from napari_diffseg.training.folder import BEST, CACHE, LAST, RUN, SPLIT
from napari_diffseg.training.items import Items
from napari_diffseg.training.journal import Journal
from napari_diffseg.training.loader import Loader, Share
from napari_diffseg.training.start import accelerator_of, weights_to_start_from
from napari_diffseg.training.state import load_state, save_state
from napari_diffseg.training.trainer import Trainer, learning_rate
from napari_diffseg.training.validation import validate

logger = logging.getLogger(__name__)

_PAUSE_S = 0.2


class Stopped(Exception):
    """A request to stop was heard."""


def train(run: Path) -> Ended:
    """Carry out a run, or go on from its last saved state; whatever goes wrong ends in a sentence.

    Args:
        run: a folder with a run.toml; everything else is written there.

    Raises:
        TrainingError: run.toml cannot be read.
    """
    config = read_run(run / RUN)
    accelerator = accelerator_of(config.train)
    journal = Journal(run, config.train.steps, silent=not accelerator.is_main_process)
    with deterministic(config.train.deterministic), listening() as stop:
        course = _Course(run, config, accelerator, journal, stop)
        try:
            ended = course.follow()
        except Exception as error:
            logger.info("The run ended with an error", exc_info=True)
            ended = Ended(state="failed", step=course.step, sentence=sentence_of(error))
    journal.end(ended)
    return ended


class _Course:
    """One process's way through a run."""

    def __init__(
        self, run: Path, config: RunConfig, accelerator: Accelerator, journal: Journal, stop: Event
    ) -> None:
        self.step = 0
        self._run, self._config, self._accelerator = run, config, accelerator
        self._journal, self._stop = journal, stop
        self._best: float | None = None
        self._last_epoch = False
        train = config.train
        self._share = Share(
            train.batch, train.accumulate, accelerator.process_index, accelerator.num_processes
        )

    def follow(self) -> Ended:
        """To the end, or to a request to stop."""
        self._journal.stand("preparing", step=0)
        self._prepare()
        self._resume()
        train = self._config.train
        state: Literal["finished", "stopped"] = "finished"
        try:
            for loss, seconds, waited in self._steps():
                self._journal.say(
                    Stepped(
                        step=self.step,
                        loss=float(loss.total),
                        parts=loss.parts,
                        learning_rate=learning_rate(train, self.step),
                        seconds=seconds,
                        waited=waited,
                    )
                )
                self._after_step()
        except Stopped:
            state = "stopped"
            self._save()
        return Ended(state=state, step=self.step)

    def _prepare(self) -> None:
        """Data, network and optimiser."""
        config = self._config
        if config.train.batch % self._accelerator.num_processes:
            raise TrainingError(
                f"A batch of {config.train.batch} cannot be shared by {self._accelerator.num_processes} "
                "processes. Set train.batch to a multiple of their number."
            )
        self._dataset = open_dataset(config.data.path)
        with self._accelerator.main_process_first():
            self._split = self._parted()
            self._cases = self._cached()
        by_name = {case.name: case for case in self._dataset.cases}
        self._validation = [by_name[name] for name in self._split.validation[: config.validation.cases]]
        entry = method(config.method)
        self._settings = entry.load().Config.model_validate(config.config)
        classes = len(self._dataset.classes) + 1
        torch.manual_seed(config.train.seed)
        network = entry.load().build(self._settings, channels=len(self._dataset.channels), classes=classes)
        if config.train.start_from is not None:
            network.load_state_dict(weights_to_start_from(config.train.start_from, network))
        self._trainer = Trainer(config.train, entry.load(), self._settings, network, self._accelerator)
        self._items = Items(config, self._settings, self._cases, classes)
        self._parameters = sum(parameter.numel() for parameter in network.parameters())

    def _parted(self) -> Split:
        path = self._run / SPLIT
        if not path.exists():
            data = self._config.data
            write_split(
                split_by_patient(self._dataset, validation=data.validation, seed=data.split_seed), path
            )
        return read_split(path)

    def _cached(self) -> list[CachedCase]:
        """The training part, prepared; bad cases stop the run unless they may be left out."""
        wanted = {case.name: case for case in self._dataset.cases}
        found = []
        classes = len(self._dataset.classes) + 1
        for number, name in enumerate(self._split.train, start=1):
            try:
                place = self._run / CACHE / f"{number:06d}"
                found.append(cached(wanted[name], self._config.preparation, classes, place))
            except DiffSegError as error:
                if not self._config.data.skip_bad:
                    raise DatasetError(f"{error} Or leave out all bad cases with --skip-bad.") from error
                self._journal.say(Warned(sentence=f"Case {name} was left out. {error}"))
            self._journal.say(Prepared(done=number, cases=len(self._split.train)))
            self._journal.stand("preparing")
        if not found:
            raise DatasetError(f"No case of {self._dataset.root.name} can be trained on. Inspect it first.")
        return found

    def _resume(self) -> None:
        state, damaged = load_state(self._run)
        if damaged:
            told = f"went on from step {state.step}" if state else "started anew"
            self._journal.say(Warned(sentence=f"{', '.join(damaged)} is damaged; the run {told}."))
        if state is not None:
            self._trainer.restore(state)
            self.step, self._best = state.step, state.facts["best"]
        self._journal.say(
            Started(
                step=self.step,
                steps=self._config.train.steps,
                device=str(self._accelerator.device),
                parameters=self._parameters,
            ),
            safely=True,
        )
        self._journal.stand("running", step=self.step)

    def _steps(self) -> Iterator[tuple[Loss, float, float]]:
        """Every step's loss, seconds, and seconds waited; `step` says which."""
        train, first = self._config.train, self.step + 1
        while True:
            loader = Loader(self._items, self._share, train.workers, self._accelerator.device)
            try:
                for batches in loader.steps(first, train.steps):
                    began, waited = time.perf_counter(), loader.waited
                    loss = self._trainer.step(self.step + 1, batches, self._share)
                    self.step += 1
                    yield loss, time.perf_counter() - began, loader.waited - waited
                return
            except torch.OutOfMemoryError:
                if self.step >= first or len(self._share.places[0]) == 1:
                    raise
                self._halve()
            finally:
                loader.close()

    def _halve(self) -> None:
        """Compute a step's batch in twice as many parts; only ever before the first step."""
        torch.cuda.empty_cache()
        self._share = replace(self._share, parts=2 * self._share.parts)
        self._journal.say(
            Warned(
                sentence=f"The GPU's memory is too small for {self._share.batch} items at once; each step "
                f"now adds up the gradients of {len(self._share.places)} parts. The result is the same."
            )
        )

    def _after_step(self) -> None:
        train, last = self._config.train, self.step == self._config.train.steps
        self._journal.stand("running")
        if last or self.step % self._config.validation.every == 0:
            self._validate()
        if last or self.step % train.checkpoint_every == 0:
            self._save()
        self._heed()

    def _heed(self) -> None:
        """Do what was asked for.

        Raises:
            Stopped: that was it.
        """
        paused = False
        while True:
            requests = self._requests()
            self._last_epoch |= "finish-epoch" in requests
            epoch_ends = (self.step * self._share.batch) % len(self._items) < self._share.batch
            if "stop" in requests or (self._last_epoch and epoch_ends):
                raise Stopped
            for request in requests:
                paused = {"pause": True, "resume": False}.get(request, paused)
            if not paused:
                self._journal.stand("running")
                return
            self._journal.stand("paused")
            time.sleep(_PAUSE_S)

    def _requests(self) -> list[Request]:
        """The same for all processes."""
        found = self._journal.requests()
        if self._stop.is_set():
            found.append("stop")
        if self._accelerator.num_processes > 1:
            found = broadcast_object_list([found])[0]
        return found

    def _validate(self) -> None:
        """Judge the weights, by the first process alone; the best ones are kept as a checkpoint."""
        if self._accelerator.is_main_process and self._validation:
            began = time.monotonic()
            checkpoint = self._checkpoint()
            summary = validate(
                checkpoint,
                self._validation,
                self._config.validation,
                self._run,
                device=self._accelerator.device.type,
                go_on=self._go_on,
            )
            if summary is not None:
                self._judge(checkpoint, summary, time.monotonic() - began)
        self._accelerator.wait_for_everyone()

    def _judge(self, checkpoint: Checkpoint, summary: Summary, seconds: float) -> None:
        chosen = summary.selection
        best = chosen.beats(self._best)
        metrics = {name: mean.value for name, mean in summary.means.items()}
        if best:
            self._best = chosen.value
            self._write(checkpoint, BEST, metrics_of(self._config, metrics, summary.cases, self.step))
        self._journal.say(
            Validated(
                step=self.step,
                metrics=metrics,
                undefined={name: mean.undefined for name, mean in summary.means.items() if mean.undefined},
                selected_by=chosen.rule,
                best=best,
                cases=summary.cases,
                seconds=seconds,
            ),
            safely=True,
        )

    def _go_on(self) -> bool:
        """Whether a long validation should; requests wait until it is over, but for a signal."""
        self._journal.stand("running")
        return not self._stop.is_set()

    def _save(self) -> None:
        """A state to resume from and the checkpoint of these weights."""
        if self._accelerator.is_main_process:
            save_state(self._run, self._trainer.state(self.step, {"best": self._best}))
            self._write(self._checkpoint(), LAST, ())
            self._journal.say(Saved(step=self.step), safely=True)
        self._accelerator.wait_for_everyone()

    def _checkpoint(self) -> Checkpoint:
        document = document_of(self._config, self._dataset, self._split, self._cases, step=self.step)
        entry = method(self._config.method)
        return Checkpoint(document, entry, self._settings, self._trainer.weights(), sha256="")

    def _write(self, checkpoint: Checkpoint, name: str, metrics: tuple[Metric, ...]) -> None:
        document = checkpoint.document.model_copy(update={"metrics": metrics})
        save_checkpoint(self._run / name, document, checkpoint.weights)
