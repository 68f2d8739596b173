"""A run: from a scan and a checkpoint to an ensemble, an event at a time."""

from __future__ import annotations

import logging
import math
import platform
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from threading import Event as Flag
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from pydantic import ValidationError
from torch import Tensor

from napari_diffseg.checkpoints.checkpoint import Checkpoint
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.state import State
from napari_diffseg.errors import CancelledError, DiffSegError, OutOfMemoryError, SettingsError
from napari_diffseg.fusion import consensus_from_mean, majority
from napari_diffseg.inference.accumulator import Accumulator, hard
from napari_diffseg.inference.device import free_gib
from napari_diffseg.inference.evaluator import Evaluator, Interrupted, deterministic
from napari_diffseg.inference.plan import plan
from napari_diffseg.preparation.prepared import Prepared, prepare
from napari_diffseg.results.events import BatchHalved, Event, Finished, MemberDone, Plan, Planned, Stepped
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.results.result import Provenance, Result
from napari_diffseg.results.timing import remember
from napari_diffseg.volume.scan import Scan

logger = logging.getLogger(__name__)
_MEMORY_MAPPED_FROM = 2 * 2**30


def segment(scan: Scan, checkpoint: Checkpoint, **options: Any) -> Run:
    """Draw an ensemble of segmentations.

    Args:
        scan: one image for each channel of the checkpoint.
        checkpoint: from `load_checkpoint`.
        options: fields of `SamplingOptions`.

    Returns:
        The run; nothing is computed until it is iterated or asked for its result.

    Raises:
        SettingsError: an option is unknown or outside its range.
    """
    try:
        return Run(scan, checkpoint, SamplingOptions(**options))
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(
            f"The option “{'.'.join(map(str, first['loc']))}” cannot be {first['input']!r}: {first['msg']}."
        ) from error


class Run:
    """One ensemble being drawn; iterate it once, in one thread.

    Iterating raises:
        PreparationError: the scan or box does not suit the checkpoint.
        OutOfMemoryError: more memory is needed than is free.
        CancelledError: cancelled before a member was finished.
        DiffSegError: anything else; the log has the details.
    """

    def __init__(self, scan: Scan, checkpoint: Checkpoint, options: SamplingOptions) -> None:
        self.scan, self.checkpoint, self.options = scan, checkpoint, options
        self._cancelled = Flag()
        self._result: Result | None = None
        self._iterator: Iterator[Event] | None = None

    def __iter__(self) -> Iterator[Event]:
        """The run's events; a second iteration goes on where the first one stopped."""
        if self._iterator is None:
            self._iterator = self._guarded()
        return self._iterator

    def cancel(self) -> None:
        """End the run within one layer of the network; from any thread, any number of times."""
        self._cancelled.set()

    def result(self) -> Result:
        """Draw what is left and return the ensemble."""
        for _ in self:
            pass
        if self._result is None:
            raise CancelledError("The run was closed before its first member was finished. Start it again.")
        return self._result

    def _guarded(self) -> Iterator[Event]:
        """The events, with every foreign exception turned into ours."""
        try:
            yield from self._events()
        except DiffSegError:
            raise
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # they hold the tensors
            if _is_out_of_memory(error):
                raise _out_of_memory(error) from error
            logger.exception("The engine failed")
            raise DiffSegError(
                f"Segmenting failed with an unexpected error ({type(error).__name__}: {error}). "
                "The log has the details; please report it."
            ) from error
        finally:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _events(self) -> Iterator[Event]:
        began = time.perf_counter()
        planned = plan(self.scan, self.checkpoint, self.options)
        yield Planned(planned)
        if not planned.fits:
            raise OutOfMemoryError(
                planned.needed_gib,
                planned.free_gib,
                f"Choose a region of at most about {planned.fitting_box_mm:.0f} mm a side.",
            )
        ensemble = _Ensemble(self, planned, self._cancelled)
        try:
            with deterministic(self.options.reproducible):
                yield from ensemble.draw()
        except Interrupted:
            if not ensemble.done:
                raise CancelledError(
                    "Cancelled before the first member was finished; nothing was kept."
                ) from None
        cancelled = ensemble.done < planned.members
        self._result = self._fuse(ensemble, planned, cancelled, time.perf_counter() - began)
        if not cancelled:
            ensemble.remember_speed()
        yield Finished(self._result, cancelled)

    def _fuse(self, ensemble: _Ensemble, planned: Plan, cancelled: bool, duration_s: float) -> Result:
        document = self.checkpoint.document
        mean, members = ensemble.mean(), ensemble.members[: ensemble.done]
        consensus = (
            majority(members, len(document.classes))
            if self.options.fusion == "majority"
            else consensus_from_mean(mean, self.options.threshold)
        )
        return Result(
            box=planned.box,
            scan_grid=self.scan.grid,
            origin=self.scan.origin,
            classes=document.classes,
            mean=mean,
            variance=ensemble.variance(),
            consensus=consensus,
            members=members,
            options=self.options,
            provenance=self._provenance(planned, ensemble.at_once, duration_s),
            cancelled=cancelled,
        )

    def _provenance(self, planned: Plan, at_once: int, duration_s: float) -> Provenance:
        origin, document = self.scan.origin, self.checkpoint.document
        packages = ("napari-diffseg", "torch", "numpy", "nibabel")
        return Provenance(
            scan=origin.name if origin else "",
            scan_sha256=origin.sha256 if origin else "",
            checkpoint=document.name,
            checkpoint_sha256=self.checkpoint.sha256,
            method=document.method,
            device=planned.device,
            precision=planned.precision,
            threads=torch.get_num_threads(),
            steps=planned.steps,
            members_at_once=at_once,
            duration_s=duration_s,
            versions={"python": platform.python_version(), **{name: version(name) for name in packages}},
        )


@dataclass(eq=False)
class _Ensemble:
    """The members of a run as they are drawn."""

    run: Run
    plan: Plan
    cancelled: Flag
    done: int = 0
    at_once: int = 0
    _calls: int = 0
    _seconds: float = 0.0
    _accumulator: Accumulator = field(default_factory=Accumulator)

    def __post_init__(self) -> None:
        """Prepare the box, the network and the room for label maps."""
        checkpoint, self.at_once = self.run.checkpoint, self.plan.members_at_once
        self.device = torch.device(self.plan.device)
        self.prepared: Prepared = prepare(checkpoint.document.preparation, self.run.scan, self.plan.box)
        precision = torch.bfloat16 if self.plan.precision == "bf16" else torch.float32
        self.evaluate = Evaluator(checkpoint.network(), self.device, precision, self.cancelled)
        self.members = _label_maps((self.plan.members, *self.plan.box.shape))

    def draw(self) -> Iterator[Event]:
        """Batch after batch; out of memory halves the batch and draws the same members again."""
        while self.done < self.plan.members:
            batch = range(self.done, min(self.done + self.at_once, self.plan.members))
            try:
                yield from self._batch(batch)
            except Exception as error:
                if not _is_out_of_memory(error) or self.at_once == 1 or self.done > batch.start:
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
            self.run.checkpoint.sha256,
            self.plan.device,
            self.plan.precision,
            calls=self._calls,
            voxels=math.prod(self.plan.box.shape),
            seconds=self._seconds,
        )

    def _batch(self, batch: range) -> Iterator[Event]:
        checkpoint, options = self.run.checkpoint, self.run.options
        image = self.prepared.image.to(self.device).expand(len(batch), *self.prepared.image.shape)
        classes = len(checkpoint.document.classes) + 1
        noise = NoiseSource(options.seed, batch, (classes, *self.prepared.image.shape[1:]), self.device)
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
            remaining_s=left * self._seconds / self._calls,
            x0=self._soft(state.x0[:1])[0].cpu().numpy() if self.run.options.preview else None,
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
        checkpoint = self.run.checkpoint
        soft = checkpoint.method.probabilities(checkpoint.config, x0).float()
        return self.prepared.restore(soft).clamp(0, 1)


def _label_maps(shape: tuple[int, ...]) -> UInt8[np.ndarray, "member D H W"]:
    """Room for the hard members, in memory or, when large, in an unnamed temporary file."""
    if math.prod(shape) < _MEMORY_MAPPED_FROM:
        return np.zeros(shape, dtype=np.uint8)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)


def _is_out_of_memory(error: Exception) -> bool:
    """Whether a device or the CPU's allocator refused memory."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def _out_of_memory(error: Exception) -> OutOfMemoryError:
    free = free_gib(torch.device("cuda" if isinstance(error, torch.OutOfMemoryError) else "cpu"))
    return OutOfMemoryError(
        free, free, "It ran out of memory all the same; choose a smaller region or close other programs."
    )
