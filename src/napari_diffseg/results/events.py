"""What a run tells while it goes on, in this order: Planned, then Stepped and MemberDone, then Finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt8

from napari_diffseg.results.options import SliceAxis
from napari_diffseg.results.result import Result
from napari_diffseg.volume.grid import Box


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will take.

    Args:
        box: the voxels that will be computed, clipped to the scan.
        device: "cpu", "cuda:0" or "mps".
        precision: "bf16" or "fp32".
        members: that will be drawn; one for a method without diffusion.
        steps: network calls a member.
        members_at_once: members in one batch.
        slice_axis: axis (0, 1, 2) for (D, H, W) across which a network for slices takes them; None for one
            for volumes.
        slices: of a member; 1 for a volume.
        slices_at_once: slices in one batch; None for volumes.
        needed_gib: peak memory, estimated.
        free_gib: memory free on the device.
        fitting_box_mm: edge of a cube that would fit, when the box does not; None when it fits.
    """

    box: Box
    device: str
    precision: str
    members: int
    steps: int
    members_at_once: int
    needed_gib: float
    free_gib: float
    fitting_box_mm: float | None = None
    slice_axis: SliceAxis | None = None
    slices: int = 1
    slices_at_once: int | None = None

    @property
    def fits(self) -> bool:
        """Whether the run fits with a margin of 20 %."""
        return self.fitting_box_mm is None


@dataclass(frozen=True, slots=True)
class Planned:
    """The run starts."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class BatchHalved:
    """The device ran out of memory; the run goes on with so many members or slices at once."""

    at_once: int
    what: Literal["members", "slices"] = "members"


@dataclass(frozen=True, slots=True, eq=False)
class Stepped:
    """A network call is done.

    Args:
        member: number of the (first) member being drawn, from 0.
        members: in all.
        step: network calls of this member so far, from 1; of a network for slices, a call of each slice
            counts.
        steps: network calls a member, counted likewise.
        remaining_s: estimate until the last member is done.
        x0: soft foreground classes as now estimated, on `region`; None without live preview, and where a
            slab of prepared slices shows on no slice of the scan.
        region: the voxels of the scan that `x0` covers: the box, or the slices being drawn.
    """

    member: int
    members: int
    step: int
    steps: int
    remaining_s: float
    x0: Float32[np.ndarray, "class D H W"] | None
    region: Box


@dataclass(frozen=True, slots=True, eq=False)
class MemberDone:
    """A member is finished.

    Args:
        member: its number, from 0.
        members: in all.
        label_map: the hard member on the box.
        mean: over the soft members so far. An array of its own that nobody changes later.
        variance: likewise; None for the first.
    """

    member: int
    members: int
    label_map: UInt8[np.ndarray, "D H W"]
    mean: Float32[np.ndarray, "class D H W"]
    variance: Float32[np.ndarray, "class D H W"] | None


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """The run is over; `cancelled` when a person ended it after some members."""

    result: Result
    cancelled: bool = False


Event = Planned | BatchHalved | Stepped | MemberDone | Finished
