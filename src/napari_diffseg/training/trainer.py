"""The network, its optimiser and its moving average, a step at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.errors import TrainingError
from napari_diffseg.methods.method import Batch, Loss, Method
from napari_diffseg.methods.segmentation_loss import shows
from napari_diffseg.training.augmentation import seed_of
from napari_diffseg.training.config import TrainConfig
from napari_diffseg.training.ending import sentence_of
from napari_diffseg.training.loader import Share
from napari_diffseg.training.state import State, Tensors, moments, put_moments

_WEIGHTS, _AVERAGE, _MOMENTS = "weights.safetensors", "average.safetensors", "optimiser.safetensors"
_DROPOUT = 3
"""First word of the address that dropout is drawn at."""


class Trainer:
    """One process's part of a run.

    Args:
        config: the optimiser and how the run is carried out.
        method: whose objective it is.
        settings: of the method, validated.
        network: with its first weights.
        accelerator: device, precision and the other processes.
    """

    def __init__(
        self, config: TrainConfig, method: Method, settings: Any, network: nn.Module, accelerator: Accelerator
    ) -> None:
        self._config, self._method, self._settings = config, method, settings
        self.accelerator = accelerator
        self._bare = network.to(accelerator.device)
        self._average = (
            AveragedModel(self._bare, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=True)
            if config.ema
            else None
        )
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self._network, self._optimiser = accelerator.prepare(network, optimiser)

    @property
    def parameters(self) -> int:
        """Of the network."""
        return sum(parameter.numel() for parameter in self._bare.parameters())

    def step(self, step: int, batches: Iterator[Batch], share: Share) -> Loss:
        """One step of the optimiser; gives the loss over the batch of all processes.

        Raises:
            TrainingError: the loss or the gradients are not numbers, and nothing was changed; or the memory
                is too small for the optimiser.
            OutOfMemoryError: it is too small for a part of the batch; nothing was changed.
        """
        loss = self._with_gradients(step, batches, share)
        norm = self.accelerator.clip_grad_norm_(
            self._network.parameters(), self._config.gradient_norm or math.inf
        )
        if not loss.total.isfinite():
            raise _no_number("loss", loss.total, step)
        if not norm.isfinite() and not self._scaled_too_much():
            raise _no_number("norm of the gradients", norm, step)
        try:
            self._optimiser.step()
            if self._average is not None:
                self._average.update_parameters(self._bare)
        except torch.OutOfMemoryError as error:  # half of the weights may be moved: no second try
            raise TrainingError(sentence_of(error)) from error
        return loss

    def weights(self) -> Tensors:
        """What is validated and saved: the moving average, or else the weights; a copy on the CPU."""
        source = self._average.module if self._average is not None else self._bare
        return _copied(source.state_dict())

    def state(self, step: int, facts: dict[str, Any]) -> State:
        """All that `restore` needs."""
        tensors = {
            _WEIGHTS: _copied(self._bare.state_dict()),
            _MOMENTS: _copied(moments(self._bare, self._optimiser)),
        }
        if self._average is not None:
            tensors[_AVERAGE] = _copied(self._average.state_dict())
        scaler = self.accelerator.scaler
        return State(step, tensors, {**facts, "scaler": scaler.state_dict() if scaler else None})

    def restore(self, state: State) -> None:
        """Go on where a state was taken.

        Raises:
            TrainingError: it is of another network.
        """
        try:
            self._bare.load_state_dict(state.tensors[_WEIGHTS])
            if self._average is not None:
                self._average.load_state_dict(state.tensors[_AVERAGE])
        except (RuntimeError, KeyError) as error:
            raise TrainingError(
                f"The saved state of step {state.step} is of another network or another moving average than "
                "this run's config describes. Train into a new folder."
            ) from error
        put_moments(self._bare, self._optimiser, state.tensors[_MOMENTS])
        if self.accelerator.scaler and state.facts["scaler"]:
            self.accelerator.scaler.load_state_dict(state.facts["scaler"])

    def _with_gradients(self, step: int, batches: Iterator[Batch], share: Share) -> Loss:
        """The loss over the batch of all processes, and its gradients in the parameters."""
        self._network.train()
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self._config, step)
        self._optimiser.zero_grad(set_to_none=True)
        torch.manual_seed(seed_of(self._config.seed, _DROPOUT, step, share.process))
        own = share.batch // share.processes
        losses: list[tuple[float, Loss]] = []
        for places, batch in zip(share.places, self._of_one_batch(batches, share), strict=True):
            last = places.stop == share.places[-1].stop
            with nullcontext() if last else self.accelerator.no_sync(self._network):
                draws = Draws(self._config.seed, step, places, share.batch)
                loss = self._method.loss(self._settings, self._network, batch, draws)
                weight = len(places) / own
                self.accelerator.backward(loss.total * weight)
                losses.append((weight, loss))
        return self._joined(losses)

    def _of_one_batch(self, batches: Iterator[Batch], share: Share) -> Iterable[Batch]:
        """The parts of a step's batch; of several, each is told what a loss asks of the whole."""
        if len(share.places) * share.processes == 1:
            return batches
        parts = [*batches]
        pairs = torch.stack([shows(part.mask).sum() for part in parts]).sum()
        if share.processes > 1:
            pairs = self.accelerator.reduce(pairs, "sum")
        return [replace(part, shown=float(pairs) / share.batch) for part in parts]

    def _scaled_too_much(self) -> bool:
        """Whether infinite gradients may be fp16's doing, whose scaler then leaves the step out."""
        scaler = self.accelerator.scaler
        return scaler is not None and scaler.get_scale() > 1

    def _joined(self, losses: list[tuple[float, Loss]]) -> Loss:
        """The mean over parts and processes."""
        names = list(losses[0][1].parts)
        rows = [
            weight * torch.tensor([float(loss.total.detach()), *(loss.parts[name] for name in names)])
            for weight, loss in losses
        ]
        values = torch.stack(rows).sum(0)
        if self.accelerator.num_processes > 1:
            values = self.accelerator.reduce(values.to(self.accelerator.device), "mean").cpu()
        total, *parts = values.tolist()
        return Loss(torch.tensor(total), dict(zip(names, parts, strict=True)))


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up to the highest rate, then half a cosine to zero over the last `decay_steps`.

    Args:
        config: with the highest rate.
        step: from 1.

    Source:
        Loshchilov and Hutter, SGDR, ICLR 2017, eq. 5, without restarts; the warm-up is Goyal et al.'s
        (arXiv:1706.02677, section 2.2).
    """
    if step < config.warmup_steps:
        return config.learning_rate * step / config.warmup_steps
    decay = config.steps - config.warmup_steps if config.decay_steps is None else config.decay_steps
    done = max(0.0, (step - (config.steps - decay)) / max(1, decay))
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def _no_number(what: str, value: Tensor, step: int) -> TrainingError:
    return TrainingError(
        f"The {what} became {float(value)} at step {step}. What is saved is unharmed: resume from it "
        "with a lower learning rate, or with train.precision set to fp32."
    )


def _copied(tensors: dict[str, Tensor]) -> Tensors:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
