"""A run's way through its steps: what each of them is followed by, until the last or until it is stopped."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from napari_diffseg.checkpoints.checkpoint import Checkpoint, save_checkpoint
from napari_diffseg.checkpoints.document import Metric
from napari_diffseg.errors import OutOfMemoryError
from napari_diffseg.evaluation.summary import Summary
from napari_diffseg.methods.registry import method
from napari_diffseg.training.config import RunConfig
from napari_diffseg.training.control import Stopped
from napari_diffseg.training.document import document_of, metrics_of
from napari_diffseg.training.events import Saved, Validated, Warned
from napari_diffseg.training.folder import BEST, LAST
from napari_diffseg.training.items import Items
from napari_diffseg.training.journal import Journal
from napari_diffseg.training.material import Material
from napari_diffseg.training.start import by_the_first, settings_of
from napari_diffseg.training.state import State, save_state
from napari_diffseg.training.steps import steps_from
from napari_diffseg.training.trainer import Trainer
from napari_diffseg.training.validation import validate
from napari_diffseg.training.wishes import Wishes

_PAUSE_S = 0.2


class Course:
    """One process's way through a run.

    Args:
        run: its folder.
        config: of the run.
        material: its data.
        trainer: as it stands after the journal's step.
        state: that it stands so by; None at the beginning.
        journal: of the run.
        wishes: what is asked of it.
    """

    def __init__(
        self,
        run: Path,
        config: RunConfig,
        material: Material,
        trainer: Trainer,
        state: State | None,
        *,
        journal: Journal,
        wishes: Wishes,
    ) -> None:
        self._run, self._config, self._material, self._trainer = run, config, material, trainer
        self._journal, self._wishes = journal, wishes
        self._accelerator = trainer.accelerator
        self._items = Items(config, settings_of(config), material.cases, material.classes)
        self._best: float | None = state.facts["best"] if state else None
        self._judged: int = state.facts["judged"] if state else 0
        self._saved = (journal.step, self._judged)

    def follow(self) -> None:
        """Take every step that is left.

        Raises:
            Stopped: that was asked for; the state is saved.
        """
        try:
            self._conclude()
            first = self._journal.step + 1
            for stepped in steps_from(
                first, self._config.train, self._trainer, self._items, warn=self._journal.say
            ):
                self._journal.say(stepped)
                self._conclude()
        except Stopped:
            self._save()
            raise

    def _conclude(self) -> None:
        """What the end of a step asks for; after a resumption, what was still to be done."""
        step, train = self._journal.step, self._config.train
        last = step == train.steps
        if step > self._judged and (last or step % self._config.validation.every == 0):
            by_the_first(self._accelerator, self._validate)
            self._judged = step
        if step and (last or step % train.checkpoint_every == 0):
            self._save()
        if step < train.steps:
            self._heed()

    def _heed(self) -> None:
        batch = self._config.train.batch
        done, epoch = self._journal.step * batch, len(self._items)
        ends = done > 0 and done % epoch < batch
        while (
            wish := by_the_first(self._accelerator, lambda: self._wishes.at_step(epoch_ends=ends))
        ) == "pause":
            time.sleep(_PAUSE_S)
        if wish == "stop":
            raise Stopped

    def _validate(self) -> None:
        """Judge the weights; the best ones are kept as a checkpoint."""
        if not self._material.validation:
            return
        began, checkpoint = time.monotonic(), self._checkpoint()
        torch.cuda.empty_cache()  # what training keeps for its next step counts as taken
        try:
            summary = validate(
                checkpoint,
                self._material.validation,
                self._config.validation,
                self._run,
                device=self._accelerator.device.type,
                go_on=self._wishes.go_on,
            )
        except OutOfMemoryError as error:
            step = self._journal.step
            self._journal.say(Warned(sentence=f"The weights of step {step} were not judged. {error}"))
            return
        self._judge(checkpoint, summary, time.monotonic() - began)

    def _judge(self, checkpoint: Checkpoint, summary: Summary, seconds: float) -> None:
        chosen, step = summary.selection, self._journal.step
        best = chosen.beats(self._best)
        metrics = {name: mean.value for name, mean in summary.means.items()}
        if best:
            self._best = chosen.value
            self._write(checkpoint, BEST, metrics_of(self._config, metrics, summary.cases, step))
        self._journal.say(
            Validated(
                step=step,
                metrics=metrics,
                undefined={name: mean.undefined for name, mean in summary.means.items() if mean.undefined},
                selected_by=chosen.rule,
                best=best,
                cases=summary.cases,
                seconds=seconds,
            ),
            safely=True,
        )

    def _save(self) -> None:
        """The weights as a checkpoint and the state to resume from, unless they are as they were."""
        standing = self._journal.step, self._judged
        if standing != self._saved:
            by_the_first(self._accelerator, self._write_state)
            self._saved = standing

    def _write_state(self) -> None:
        step = self._journal.step
        self._write(self._checkpoint(), LAST, ())  # first: whoever finds the state may rely on it
        save_state(self._run, self._trainer.state(step, {"best": self._best, "judged": self._judged}))
        self._journal.say(Saved(step=step), safely=True)

    def _checkpoint(self) -> Checkpoint:
        config, material = self._config, self._material
        document = document_of(
            config, material.dataset, material.split, material.cases, step=self._journal.step
        )
        weights = self._trainer.weights()
        return Checkpoint(document, method(config.method), settings_of(config), weights, sha256="")

    def _write(self, checkpoint: Checkpoint, name: str, metrics: tuple[Metric, ...]) -> None:
        document = checkpoint.document.model_copy(update={"metrics": metrics})
        save_checkpoint(self._run / name, document, checkpoint.weights)
