"""The members of a run, drawn batch after batch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event as Flag

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from napari_diffseg.checkpoints.checkpoint import Checkpoint
from napari_diffseg.diffusion.state import State
from napari_diffseg.inference.by_member import ByMember
from napari_diffseg.inference.by_slice import BySlice
from napari_diffseg.inference.division import Batch, Division
from napari_diffseg.inference.evaluator import Evaluator, Interrupted
from napari_diffseg.inference.members import Members
from napari_diffseg.preparation.prepared import prepare
from napari_diffseg.preparation.slices import Slices
from napari_diffseg.results.events import BatchHalved, Event, MemberDone, Plan, Stepped
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.results.timing import remember
from napari_diffseg.volume.scan import Scan


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
        at_once: items in one batch by now: members, or slices of them.
        members: those that are finished.
    """

    scan: Scan
    checkpoint: Checkpoint
    options: SamplingOptions
    plan: Plan
    cancelled: Flag
    at_once: int = 0
    _calls: int = 0
    _seconds: float = 0.0

    def __post_init__(self) -> None:
        """Prepare the box, the network and the room for what comes out."""
        plan, checkpoint = self.plan, self.checkpoint
        self.at_once = plan.members_at_once * (plan.slices_at_once or 1)
        self.device = torch.device(plan.device)
        self._division = self._divided()
        precision = torch.bfloat16 if plan.precision == "bf16" else torch.float32
        self.evaluate = Evaluator(checkpoint.network(), self.device, precision, self.cancelled)
        classes, keep = len(checkpoint.document.classes), self.options.relative_area is not None
        self.members = Members(plan.members, classes, plan.box.shape, keep_soft=keep)

    def draw(self) -> Iterator[Event]:
        """Batch after batch; out of memory halves the batch and draws the same again."""
        while self.members.done < self.plan.members:
            if self.cancelled.is_set():
                raise Interrupted
            before = self._finished()
            try:
                yield from self._batch(self._division.next(self.members.done, self.at_once))
            except Exception as error:
                if not is_out_of_memory(error) or self.at_once == 1 or self._finished() != before:
                    raise
                self.at_once = max(1, self.at_once // 2)
                if self.device.type == "cuda":
                    torch.cuda.empty_cache()
                yield BatchHalved(self.at_once, "members" if self.plan.slice_axis is None else "slices")

    def remember_speed(self) -> None:
        """Keep this run's speed for the estimate before the next one."""
        remember(
            self.checkpoint.sha256,
            self.plan.device,
            self.plan.precision,
            calls=self._calls // self.plan.slices,
            voxels=math.prod(self.plan.box.shape),
            seconds=self._seconds,
        )

    def _divided(self) -> Division:
        plan, config, axis = self.plan, self.checkpoint.config, self.plan.slice_axis
        prepared = prepare(
            self.checkpoint.document.preparation,
            self.scan,
            plan.box,
            slices=axis is not None,
            coordinates=config.coordinates,
            divisor=config.divisor,
        )
        if axis is None:
            return ByMember(prepared, plan.box, plan.members)
        options = self.options
        own_noise = options.slice_noise == "independent"
        return BySlice(Slices(prepared, axis), plan.box, plan.members, options.start_slice, own_noise)

    def _finished(self) -> tuple[int, int]:
        """Members, and slices of the next one."""
        return self.members.done, self._division.drawn

    def _batch(self, batch: Batch) -> Iterator[Event]:
        checkpoint, options, division = self.checkpoint, self.options, self._division
        image = division.image(batch, self.device)
        channels = checkpoint.config.mask_channels(len(checkpoint.document.classes) + 1)
        noise = division.noise(batch, options.seed, channels, self.device)
        settings = options.model_copy(update={"steps": self.plan.steps, "members": self.plan.members})
        states = checkpoint.method.sample(checkpoint.config, self.evaluate, image, noise, settings)
        began = time.perf_counter()
        for state in states:
            self._calls += batch.items
            self._seconds += time.perf_counter() - began
            yield self._stepped(batch, state)
            if state.step == state.steps:
                yield from self._finish(batch, state.x0)
            began = time.perf_counter()

    def _stepped(self, batch: Batch, state: State) -> Stepped:
        """How far the member is, a call of one slice being one step."""
        steps = self.plan.slices * state.steps
        step = self._division.drawn * state.steps + len(batch.slab) * state.step
        left = (self.plan.members - batch.members.start) * steps - len(batch.members) * step
        return Stepped(
            member=batch.members.start,
            members=self.plan.members,
            step=step,
            steps=steps,
            remaining_s=left * self._seconds / self._calls,
            x0=self._preview(batch, state.x0) if self.options.preview else None,
            region=self._division.region(batch),
        )

    def _preview(self, batch: Batch, x0: Float[Tensor, "item class *space"]) -> np.ndarray | None:
        shown = self._division.preview(batch, self._soft(x0[: len(batch.slab)]))
        return None if shown is None else shown.cpu().numpy()

    def _finish(self, batch: Batch, x0: Float[Tensor, "item class *space"]) -> Iterator[MemberDone]:
        for soft in self._division.finish(batch, self._soft(x0)):
            labels = self.members.add(soft)
            number, mean, variance = self.members.done - 1, self.members.mean(), self.members.variance()
            yield MemberDone(number, self.plan.members, labels, mean, variance)

    @torch.inference_mode()
    def _soft(self, x0: Float[Tensor, "item class *space"]) -> Float[Tensor, "item foreground *space"]:
        """Foreground probabilities on the prepared voxels."""
        return self.checkpoint.method.probabilities(self.checkpoint.config, x0).float()


def is_out_of_memory(error: Exception) -> bool:
    """Whether a device or the CPU's allocator refused memory."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
