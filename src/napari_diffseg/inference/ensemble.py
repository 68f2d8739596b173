"""The members of a run, drawn batch after batch and accumulated."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event as Flag

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from napari_diffseg.checkpoints.checkpoint import Checkpoint
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.state import State
from napari_diffseg.inference.accumulator import Accumulator, hard
from napari_diffseg.inference.evaluator import Evaluator, Interrupted
from napari_diffseg.preparation.prepared import Prepared, prepare
from napari_diffseg.results.events import BatchHalved, Event, MemberDone, Plan, Stepped
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.results.timing import remember
from napari_diffseg.volume.scan import Scan

_MEMORY_MAPPED_FROM = 2 * 2**30


@dataclass(eq=False)
class Ensemble:
    """The members of a run as they are drawn.

    Args:
        scan: that is segmented.
        checkpoint: that draws.
        options: as asked for.
        plan: of the run.
        cancelled: set from any thread to end within one layer of the network.

    Attributes:
        done: members that are finished.
        at_once: members in one batch, by now.
        members: room for all hard label maps; the first `done` are valid.
    """

    scan: Scan
    checkpoint: Checkpoint
    options: SamplingOptions
    plan: Plan
    cancelled: Flag
    done: int = 0
    at_once: int = 0
    _calls: int = 0
    _seconds: float = 0.0
    _accumulator: Accumulator = field(default_factory=Accumulator)

    def __post_init__(self) -> None:
        """Prepare the box, the network and the room for label maps."""
        self.at_once = self.plan.members_at_once
        self.device = torch.device(self.plan.device)
        self.prepared: Prepared = prepare(self.checkpoint.document.preparation, self.scan, self.plan.box)
        precision = torch.bfloat16 if self.plan.precision == "bf16" else torch.float32
        self.evaluate = Evaluator(self.checkpoint.network(), self.device, precision, self.cancelled)
        self.members = _label_maps((self.plan.members, *self.plan.box.shape))

    def draw(self) -> Iterator[Event]:
        """Batch after batch; out of memory halves the batch and draws the same members again."""
        while self.done < self.plan.members:
            if self.cancelled.is_set():
                raise Interrupted
            batch = range(self.done, min(self.done + self.at_once, self.plan.members))
            try:
                yield from self._batch(batch)
            except Exception as error:
                if not is_out_of_memory(error) or self.at_once == 1 or self.done > batch.start:
                    raise
                self.at_once = max(1, self.at_once // 2)
                if self.device.type == "cuda":
                    torch.cuda.empty_cache()
                yield BatchHalved(self.at_once)

    def mean(self) -> Float32[np.ndarray, "class d h w"]:
        """A copy on the CPU."""
        return self._accumulator.mean.cpu().numpy().copy()

    def variance(self) -> Float32[np.ndarray, "class d h w"] | None:
        """A copy on the CPU; None for one member."""
        variance = self._accumulator.variance
        return None if variance is None else variance.cpu().numpy()

    def remember_speed(self) -> None:
        """Keep this run's speed for the estimate before the next one."""
        remember(
            self.checkpoint.sha256,
            self.plan.device,
            self.plan.precision,
            calls=self._calls,
            voxels=math.prod(self.plan.box.shape),
            seconds=self._seconds,
        )

    def _batch(self, batch: range) -> Iterator[Event]:
        checkpoint, options = self.checkpoint, self.options
        image = self.prepared.image.to(self.device).expand(len(batch), *self.prepared.image.shape)
        channels = checkpoint.config.mask_channels(len(checkpoint.document.classes) + 1)
        noise = NoiseSource(options.seed, batch, (channels, *self.prepared.image.shape[1:]), self.device)
        settings = options.model_copy(update={"steps": self.plan.steps, "members": self.plan.members})
        states = checkpoint.method.sample(checkpoint.config, self.evaluate, image, noise, settings)
        began = time.perf_counter()
        for state in states:
            self._calls += len(batch)
            self._seconds += time.perf_counter() - began
            yield self._stepped(batch, state)
            if state.step == state.steps:
                yield from self._finish(batch, state.x0)
            began = time.perf_counter()

    def _stepped(self, batch: range, state: State) -> Stepped:
        left = self.plan.members * self.plan.steps - self._calls
        return Stepped(
            member=batch.start,
            members=self.plan.members,
            step=state.step,
            steps=state.steps,
            remaining_s=max(0, left) * self._seconds / self._calls,
            x0=self._soft(state.x0[:1])[0].cpu().numpy() if self.options.preview else None,
            region=self.plan.box,
        )

    def _finish(self, batch: range, x0: Tensor) -> Iterator[MemberDone]:
        for number, soft in zip(batch, self._soft(x0), strict=True):
            self._accumulator.add(soft)
            self.members[number] = hard(soft).cpu().numpy()
            self.done = number + 1
            yield MemberDone(number, self.plan.members, self.members[number], self.mean(), self.variance())

    @torch.inference_mode()
    def _soft(self, x0: Float[Tensor, "member class D H W"]) -> Float[Tensor, "member foreground d h w"]:
        """Foreground probabilities on the voxels of the box."""
        checkpoint = self.checkpoint
        soft = checkpoint.method.probabilities(checkpoint.config, x0).float()
        return self.prepared.restore(soft).clamp(0, 1)


def is_out_of_memory(error: Exception) -> bool:
    """Whether a device or the CPU's allocator refused memory."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def _label_maps(shape: tuple[int, ...]) -> UInt8[np.ndarray, "member D H W"]:
    """Room for the hard members, in memory or, when large, in an unnamed temporary file."""
    if math.prod(shape) < _MEMORY_MAPPED_FROM:
        return np.zeros(shape, dtype=np.uint8)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)
