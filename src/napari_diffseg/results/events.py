"""What a run tells while it goes on, in this order: Planned, then Stepped and MemberDone, then Finished."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

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
    """The device ran out of memory; the same members go on in smaller batches."""

    members_at_once: int


@dataclass(frozen=True, slots=True, eq=False)
class Stepped:
    """A network call is done.

    Args:
        member: number of the (first) member being drawn, from 0.
        members: in all.
        step: network calls of this member so far, from 1.
        steps: network calls a member.
        remaining_s: estimate until the last member is done.
        x0: soft foreground classes as now estimated, on the box; None without live preview.
        region: the voxels of the scan that `x0` covers.
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
