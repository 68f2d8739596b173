"""One validation case as the weights of a training run see it, from the run's folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Real, UInt8

from napari_diffseg.errors import ScanError
from napari_diffseg.io.nifti import read_labels, read_stack, read_volume
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.training.folder import PREVIEW
from napari_diffseg.volume import Scan

_TOLD = "preview.json"
_TRIES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """What stands in a run's preview folder.

    Args:
        run: its folder.
        case: name of the case.
        step: of the weights.
        classes: foreground, in order.
        scan: the first channel.
        truth: the first rater's mask.
        mean: of the members, for each class.
        variance: likewise; None for a method whose members are all the same.
    """

    run: Path
    case: str
    step: int
    classes: tuple[ClassInfo, ...]
    scan: Scan
    truth: UInt8[np.ndarray, "D H W"]
    mean: Float32[np.ndarray, "class D H W"]
    variance: Float32[np.ndarray, "class D H W"] | None

    def shows_the_place_of(self, other: Preview) -> bool:
        """Whether it is of the same run, case and voxels, so that layers may stay."""
        return (
            (self.run, self.case) == (other.run, other.case)
            and self.scan.grid.matches(other.scan.grid)
            and (self.variance is None) == (other.variance is None)
        )


def read_preview(run: Path) -> Preview | None:
    """The run's preview as it is now; None where there is none, or where it changes while it is read.

    Raises:
        ScanError: a file of it is damaged.
    """
    for _ in range(_TRIES):
        try:
            before = _told(run)
            found = _read(run, before)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        except ScanError:
            if before == _told_if_there(run):
                raise
            continue
        if before == _told_if_there(run):
            return found
    return None


def _read(run: Path, told: dict[str, Any]) -> Preview:
    folder = run / PREVIEW
    variance, case = folder / "variance.nii.gz", str(told["case"])
    scan = read_volume(folder / "image.nii.gz", channel="image")
    named = replace(scan.origin, name=case) if scan.origin else None
    return Preview(
        run=run,
        case=case,
        step=int(told["step"]),
        classes=tuple(ClassInfo(**info) for info in told["classes"]),
        scan=replace(scan, origin=named),
        truth=read_labels(folder / "truth.nii.gz").data.astype(np.uint8),
        mean=_maps(folder / "mean.nii.gz"),
        variance=_maps(variance) if variance.is_file() else None,
    )


def _maps(path: Path) -> Float32[np.ndarray, "class D H W"]:
    values: Real[np.ndarray, "class D H W"] = read_stack(path).data
    return values.astype(np.float32)


def _told(run: Path) -> dict[str, Any]:
    return json.loads((run / PREVIEW / _TOLD).read_text(encoding="utf-8"))


def _told_if_there(run: Path) -> dict[str, Any] | None:
    try:
        return _told(run)
    except (OSError, ValueError):
        return None
