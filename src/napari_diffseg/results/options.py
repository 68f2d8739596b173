"""The settings of a run; the form and the command line are made from these fields."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_diffseg.volume.grid import Box

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "bf16", "fp32"]
Sampler = Literal["ddpm", "ddim", "heun", "dpm-solver++"]
Fusion = Literal["mean", "majority", "staple", "squared-mean"]
SliceNoise = Literal["shared", "independent"]
SliceAxis = Literal[0, 1, 2]
"""The display axis that a network for slices takes them across: 0 axial, 1 coronal, 2 sagittal."""


class SamplingOptions(BaseModel):
    """How an ensemble is drawn, fused and kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: int = Field(5, ge=1, le=64, title="Members", description="More members, smoother variance.")
    steps: int | None = Field(
        None,
        ge=1,
        le=1000,
        title="Steps",
        description="Network calls a member; automatic is the number that the model was trained with.",
    )
    seed: int = Field(
        0, ge=0, le=2**32 - 1, title="Seed", description="The same seed gives the same members again."
    )
    sampler: Sampler | None = Field(
        None,
        title="Sampler",
        description="DDPM adds noise at every step, the others only at the start. Automatic is the paper's.",
    )
    eta: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Eta",
        description="Noise that DDIM adds at every step: 0 none, 1 as much as DDPM.",
    )
    slice_noise: SliceNoise = Field(
        "shared",
        title="Slice noise",
        description="A network for slices starts every slice of a member from the same noise, or each from "
        "its own: then neighbouring slices flicker between answers.",
    )
    start_slice: int | None = Field(
        None,
        ge=0,
        title="First slice",
        description="A network for slices begins with this one, counted from 0 along the axis it cuts "
        "across (inferior, posterior or left upwards), and goes outwards; automatic is the middle.",
    )
    fusion: Fusion | None = Field(
        None,
        title="Consensus",
        description="By the mean of the members, their majority, STAPLE, or the square of the mean, which "
        "MedSegDiff's official code calls STAPLE. Automatic is the paper's.",
    )
    threshold: float = Field(
        0.5, gt=0, lt=1, title="Threshold", description="Foreground where the means sum to this or more."
    )
    device: Device = Field("auto", title="Device", description="Automatic takes a GPU where there is one.")
    precision: Precision = Field(
        "auto", title="Precision", description="Automatic takes bf16 where the hardware has it."
    )
    members_at_once: int | None = Field(
        None,
        ge=1,
        le=64,
        title="Members at once",
        description="Automatic is one on a CPU and as many as fit on a GPU.",
    )
    keep_members: bool = Field(
        False, title="Keep members", description="Show and save every member's label map."
    )
    reproducible: bool = Field(
        False,
        title="Reproducible",
        description="Bit for bit the same on this machine: one at a time, fp32, deterministic kernels.",
    )
    relative_area: float | None = Field(
        None,
        gt=0,
        le=1,
        title="Relative area",
        description="Members smaller than this share of the largest one count as empty; automatic keeps "
        "all. Christensen et al. use 0.5.",
    )
    preview: bool = Field(
        True, title="Live preview", description="Show the member being drawn after every step."
    )
    box: Box | None = Field(None, title="Region", description="Voxels to segment; empty is the whole scan.")
