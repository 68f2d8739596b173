"""What a finished run gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from napari_diffseg.results.options import Fusion, Sampler, SamplingOptions, SliceAxis
from napari_diffseg.volume.grid import Box, Grid
from napari_diffseg.volume.scan import Origin


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """One foreground class: its name, colour (#rrggbb) and meaning."""

    name: str
    colour: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a result came about; written to result.json.

    Args:
        scan: file name, without its folder.
        scan_sha256: of the scan's file; empty for a scan made in memory.
        checkpoint: name.
        checkpoint_sha256: of the checkpoint's file.
        method: name in the registry.
        device: that was used, for example "cpu" or "cuda:0".
        precision: that was used.
        threads: of the CPU.
        steps: network calls a member.
        members_at_once: largest batch.
        duration_s: of the whole run.
        versions: of the software.
        sampler: that was used; None for a method without diffusion.
        fusion: that was used.
        slice_axis: across which a network for slices took them; None for one for volumes.
        slices_at_once: largest batch of slices; None for a network for volumes.
    """

    scan: str
    scan_sha256: str
    checkpoint: str
    checkpoint_sha256: str
    method: str
    device: str
    precision: str
    threads: int
    steps: int
    members_at_once: int
    duration_s: float
    versions: dict[str, str] = field(default_factory=dict)
    sampler: Sampler | None = None
    fusion: Fusion = "mean"
    slice_axis: SliceAxis | None = None
    slices_at_once: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The ensemble of one run, on the voxels of its box.

    Args:
        box: the voxels computed, in display order.
        scan_grid: the whole scan's grid.
        origin: the scan's file, on which written maps lie; None for a scan made in memory.
        classes: foreground classes in order; label k + 1 in label maps is classes[k].
        mean: per class, over the soft members.
        variance: per class, population variance over the soft members; None for one member.
        consensus: one label map.
        members: hard label maps, in the order of their numbers; none in a result that was read from a
            folder without them.
        options: as asked for.
        provenance: as done.
        cancelled: whether members are missing because a person cancelled.
        recorded_ml: volumes of members that are no longer there; None measures `members`.
    """

    box: Box
    scan_grid: Grid
    origin: Origin | None
    classes: tuple[ClassInfo, ...]
    mean: Float32[np.ndarray, "class D H W"]
    variance: Float32[np.ndarray, "class D H W"] | None
    consensus: UInt8[np.ndarray, "D H W"]
    members: UInt8[np.ndarray, "member D H W"]
    options: SamplingOptions
    provenance: Provenance
    cancelled: bool = False
    recorded_ml: Float64[np.ndarray, "drawn class"] | None = None

    @property
    def volumes_ml(self) -> Float64[np.ndarray, "member class"]:
        """Volume of each class in each hard member, in millilitres."""
        if self.recorded_ml is not None:
            return self.recorded_ml
        voxels = [np.bincount(member.ravel(), minlength=len(self.classes) + 1)[1:] for member in self.members]
        return np.asarray(voxels, dtype=np.float64) * self.scan_grid.voxel_ml

    def summary(self) -> list[dict[str, Any]]:
        """Volumes of each class in ml: mean and standard deviation over the members, and the consensus's.

        The standard deviation is the one with n − 1; None for one member.
        """
        volumes = self.volumes_ml
        consensus = np.bincount(self.consensus.ravel(), minlength=len(self.classes) + 1)[1:]
        return [
            {
                "class": info.name,
                "mean_ml": float(volumes[:, k].mean()),
                "sd_ml": float(volumes[:, k].std(ddof=1)) if len(volumes) > 1 else None,
                "consensus_ml": float(consensus[k]) * self.scan_grid.voxel_ml,
            }
            for k, info in enumerate(self.classes)
        ]
