"""The arrays that a run's layers show. The run's thread fills them; nothing here knows napari."""

from __future__ import annotations

import threading

import numpy as np
from jaxtyping import Float32, UInt8

from napari_diffseg.fusion import consensus_from_mean
from napari_diffseg.results.events import Event, Finished, MemberDone, Stepped
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.volume import Box


class ResultArrays:
    """Mean and variance of one class, consensus, members and the member being drawn, on the box.

    They are filled in place and never replaced, so a layer may hold them. `write` is called by the
    one thread that draws from the run, `choose_class` by any; both may be called at once.

    Attributes:
        box: the voxels of the scan that all of them cover.
        mean: of the chosen class, over the soft members so far; NaN before the first.
        variance: likewise; NaN before the second; None for a single member.
        consensus: threshold of the running mean; in the end the result's own.
        members: hard label maps in the order of their numbers; None unless kept.
        preview: label map of the member being drawn, slab by slab where it is drawn so; None without live
            preview.
        shown: index of the chosen class.
        members_done: how many have been written.
        previews: how often `preview` was written.
        sealed: whether the run is over; nothing is written any more.
    """

    mean: Float32[np.ndarray, "D H W"]
    variance: Float32[np.ndarray, "D H W"] | None
    consensus: UInt8[np.ndarray, "D H W"]
    members: UInt8[np.ndarray, "member D H W"] | None
    preview: UInt8[np.ndarray, "D H W"] | None

    def __init__(self, box: Box, options: SamplingOptions) -> None:
        self.box = box
        self.mean = np.full(box.shape, np.nan, dtype=np.float32)
        several = options.members > 1
        self.variance = np.full(box.shape, np.nan, dtype=np.float32) if several else None
        self.consensus = np.zeros(box.shape, dtype=np.uint8)
        kept = (options.members, *box.shape)
        self.members = np.zeros(kept, dtype=np.uint8) if options.keep_members else None
        self.preview = np.zeros(box.shape, dtype=np.uint8) if options.preview else None
        self.shown = 0
        self.members_done = 0
        self.previews = 0
        self.sealed = False
        self._drawn = 0
        self._threshold = options.threshold
        self._means: Float32[np.ndarray, "class D H W"] | None = None
        self._variances: Float32[np.ndarray, "class D H W"] | None = None
        self._choosing = threading.Lock()

    def write(self, event: Event) -> None:
        """Take from an event what layers show; events with nothing to show do nothing.

        Args:
            event: the next one of the run. Arrays in it are kept, not copied.
        """
        if self.sealed:
            return
        match event:
            case Stepped(x0=x0) if x0 is not None:
                self._draw(event.member, x0, event.region)
            case MemberDone():
                self._add(event)
            case Finished():
                self._seal(event)

    def choose_class(self, index: int) -> None:
        """Show mean and variance of another class, during a run or after it.

        Args:
            index: of the class, from 0.
        """
        with self._choosing:
            self.shown = index
            self._show()

    def _draw(self, member: int, x0: Float32[np.ndarray, "class D H W"], region: Box) -> None:
        if self.preview is None:
            return
        if member != self._drawn:
            self.preview[...] = 0  # the slices of the member before
            self._drawn = member
        self.preview[_inside(self.box, region)] = consensus_from_mean(x0)
        self.previews += 1

    def _add(self, event: MemberDone) -> None:
        self._take(event.mean, event.variance)
        np.copyto(self.consensus, consensus_from_mean(event.mean, self._threshold))
        if self.members is not None:
            self.members[event.member] = event.label_map
        self.members_done += 1

    def _seal(self, event: Finished) -> None:
        self._take(event.result.mean, event.result.variance)
        np.copyto(self.consensus, event.result.consensus)
        self.members_done = len(event.result.members)
        self.sealed = True

    def _take(
        self,
        means: Float32[np.ndarray, "class D H W"],
        variances: Float32[np.ndarray, "class D H W"] | None,
    ) -> None:
        with self._choosing:
            self._means, self._variances = means, variances
            self._show()

    def _show(self) -> None:
        if self._means is not None:
            np.copyto(self.mean, self._means[self.shown])
        if self._variances is not None and self.variance is not None:
            np.copyto(self.variance, self._variances[self.shown])


def _inside(box: Box, region: Box) -> tuple[slice, ...]:
    """The voxels of `region` as an index into an array on `box`."""
    starts = zip(region.start, region.stop, box.start, strict=True)
    return tuple(slice(start - first, stop - first) for start, stop, first in starts)
