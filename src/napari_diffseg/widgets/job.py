"""One run, from the click to its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

from napari_diffseg.checkpoints.document import Document
from napari_diffseg.errors import CancelledError, CheckpointError
from napari_diffseg.layers import ResultArrays
from napari_diffseg.results.events import Event, Finished, Plan, Planned, Stepped
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.results.result import Result
from napari_diffseg.results.timing import expected_s
from napari_diffseg.volume import Scan

if TYPE_CHECKING:
    from napari_diffseg.checkpoints.checkpoint import Checkpoint
    from napari_diffseg.inference.run import Run


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What a run is to do.

    Args:
        scan: to segment.
        path: of the checkpoint.
        document: of the checkpoint.
        options: the box among them.
    """

    scan: Scan
    path: Path
    document: Document
    options: SamplingOptions

    def warnings(self) -> list[str]:
        """What of the scan and region lies outside what the model has seen, a sentence each."""
        box, grid = self.options.box, self.scan.grid
        return self.document.warnings(self.scan, grid.crop(box) if box else grid)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What it would take: the plan, and the seconds where this checkpoint ran here before."""

    plan: Plan
    seconds: float | None


class Job:
    """A request being drawn in a thread; Cancel is heard at any time, also before torch is there.

    Attributes:
        request: what it does.
        arrays: what its layers show; there once the run is planned.
        result: there once the run is finished.
        volumes: of its classes, as `Result.summary` gives them.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.arrays: ResultArrays | None = None
        self.result: Result | None = None
        self.volumes: list[dict[str, Any]] = []
        self._cancelled = Flag()
        self._run: Run | None = None

    def cancel(self) -> None:
        """End soon, keeping the members that are finished; from any thread."""
        self._cancelled.set()
        if self._run is not None:
            self._run.cancel()

    def events(self) -> Iterator[Event]:
        """The run's events, each written into the arrays before it is told.

        Raises:
            DiffSegError: as the run does.
        """
        self._run = self._start()
        if self._cancelled.is_set():
            self._run.cancel()
        for event in self._run:
            yield self._keep(event)

    def _start(self) -> Run:
        if self._cancelled.is_set():
            raise CancelledError("Cancelled before the first member was finished; nothing was kept.")
        from napari_diffseg.inference.run import segment

        options = self.request.options
        settings = {name: getattr(options, name) for name in type(options).model_fields}
        return segment(self.request.scan, load(self.request.path), **settings)

    def _keep(self, event: Event) -> Event:
        """The event without the voxels that are in the arrays by now: a busy window may hold many."""
        if isinstance(event, Planned):
            drawn = self.request.options.model_copy(update={"members": event.plan.members})
            self.arrays = ResultArrays(event.plan.box, drawn)
        if self.arrays is not None:
            self.arrays.write(event)
        if isinstance(event, Finished):
            self.volumes = event.result.summary()  # here, since it counts the voxels of every member
            self.result = event.result
        return replace(event, x0=None) if isinstance(event, Stepped) else event


def load_engine() -> Iterator[str]:
    """Import torch and the engine; tells device and precision, for example "CPU, bf16"."""
    import torch

    from napari_diffseg.inference import run  # noqa: F401 (so that the first run need not)
    from napari_diffseg.inference.device import choose_device, choose_precision

    device = choose_device(SamplingOptions())
    precision = choose_precision(SamplingOptions(), device)
    yield f"{device.type.upper()}, {'bf16' if precision == torch.bfloat16 else 'fp32'}"


def forecast(request: Request) -> Iterator[Forecast]:
    """What a run would take; nothing is computed but a pass without data.

    Raises:
        DiffSegError: the run would be refused.
    """
    from napari_diffseg.inference.plan import plan

    checkpoint = load(request.path)
    planned = plan(request.scan, checkpoint, request.options)
    d, h, w = planned.box.shape
    seconds = expected_s(
        checkpoint.sha256,
        planned.device,
        planned.precision,
        calls=planned.members * planned.steps,  # of a network for slices, on every slice
        voxels=d * h * w,
    )
    yield Forecast(planned, seconds)


def load(path: Path) -> Checkpoint:
    """A checkpoint, read anew only when its file has changed.

    Raises:
        CheckpointError: the file cannot be used.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise CheckpointError(
            f"{path.name} cannot be read: {error.strerror}. Choose another file."
        ) from error
    return _load(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=2)
def _load(path: Path, changed_ns: int, size: int) -> Checkpoint:
    from napari_diffseg.checkpoints.checkpoint import load_checkpoint

    return load_checkpoint(path)
