"""A run: from a scan and a checkpoint to an ensemble, an event at a time."""

from __future__ import annotations

import logging
import platform
import time
import traceback
from collections.abc import Iterator
from importlib.metadata import version
from threading import Event as Flag
from typing import Any

import torch
from pydantic import ValidationError

from napari_diffseg.checkpoints.checkpoint import Checkpoint
from napari_diffseg.errors import CancelledError, DiffSegError, OutOfMemoryError, SettingsError
from napari_diffseg.inference.device import free_gib
from napari_diffseg.inference.division import per_batch
from napari_diffseg.inference.ensemble import Ensemble, is_out_of_memory
from napari_diffseg.inference.evaluator import Interrupted, deterministic
from napari_diffseg.inference.fuse import consensus
from napari_diffseg.inference.plan import plan
from napari_diffseg.results.events import Event, Finished, Plan, Planned
from napari_diffseg.results.options import Fusion, Sampler, SamplingOptions
from napari_diffseg.results.result import Provenance, Result
from napari_diffseg.volume.scan import Scan

logger = logging.getLogger(__name__)


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
        except DiffSegError as error:
            _let_go(error)
            raise
        except Exception as error:
            _let_go(error)
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
        ensemble = Ensemble(self.scan, self.checkpoint, self.options, planned, self._cancelled)
        try:
            with deterministic(self.options.reproducible):
                yield from ensemble.draw()
        except Interrupted:
            if not ensemble.members.done:
                raise CancelledError(
                    "Cancelled before the first member was finished; nothing was kept."
                ) from None
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemoryError(
                planned.needed_gib,
                free_gib(ensemble.device),
                "It ran out all the same. Choose a smaller region, or close other programs.",
            ) from error
        cancelled = ensemble.members.done < planned.members
        self._result = self._fuse(ensemble, planned, cancelled, time.perf_counter() - began)
        if not cancelled:
            ensemble.remember_speed()
        yield Finished(self._result, cancelled)

    def _fuse(self, ensemble: Ensemble, planned: Plan, cancelled: bool, duration_s: float) -> Result:
        document = self.checkpoint.document
        members, options = ensemble.members, self.options
        if options.relative_area is not None:
            members.empty_specks(options.relative_area, planned.slice_axis)
        mean, label_maps = members.mean(), members.label_maps
        return Result(
            box=planned.box,
            scan_grid=self.scan.grid,
            origin=self.scan.origin,
            classes=document.classes,
            mean=mean,
            variance=members.variance(),
            consensus=consensus(self._fusion, mean, label_maps, threshold=options.threshold),
            members=label_maps,
            options=options,
            provenance=self._provenance(planned, ensemble.at_once, duration_s),
            cancelled=cancelled,
        )

    @property
    def _fusion(self) -> Fusion:
        """As asked for, or else the method's own; a method without diffusion has nothing to fuse."""
        own: Fusion = getattr(self.checkpoint.config, "fusion", "mean")
        return self.options.fusion or own

    @property
    def _sampler(self) -> Sampler | None:
        """As asked for, or else the method's own; None without diffusion."""
        own: Sampler | None = getattr(self.checkpoint.config, "sampler", None)
        return (self.options.sampler or own) if self.checkpoint.entry.has_steps else None

    def _provenance(self, planned: Plan, at_once: int, duration_s: float) -> Provenance:
        origin, document = self.scan.origin, self.checkpoint.document
        members_at_once, slices_at_once = per_batch(at_once, planned.slices)
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
            members_at_once=members_at_once,
            duration_s=duration_s,
            versions={"python": platform.python_version(), **{name: version(name) for name in packages}},
            sampler=self._sampler,
            fusion=self._fusion,
            slice_axis=planned.slice_axis,
            slices_at_once=None if planned.slice_axis is None else slices_at_once,
        )


def _let_go(error: BaseException) -> None:
    """Clear the frames of an error and its cause: they hold the run's tensors."""
    for one in (error, error.__cause__):
        if one is not None:
            traceback.clear_frames(one.__traceback__)
