"""The folder that a result is saved to: maps on the scan's own grid, and one JSON document.

    result.json                  how it came about, and the volumes
    consensus.nii.gz             one label map
    mean.nii.gz                  of the soft members; several classes lie on the last axis
    variance.nii.gz              likewise; absent for one member
    members.nii.gz               hard members on the last axis, where they were to be kept
    consensus-edited.nii.gz      the consensus as a person corrected it, if one did

Maps cover the whole scan and are 0 outside the box. The folder is there whole or not at all.
"""

from __future__ import annotations

import dataclasses
import os
import re
from datetime import datetime
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Shaped, UInt8

from napari_diffseg.errors import GridMismatchError, ResultError
from napari_diffseg.io import read_labels, read_stack, replacing, replacing_folder, write_volume
from napari_diffseg.io.nifti import StrPath
from napari_diffseg.results.record import RECORD, Record, parse_record, record
from napari_diffseg.results.result import Result
from napari_diffseg.volume import LabelMap, Origin
from napari_diffseg.volume.wording import times

CONSENSUS = "consensus.nii.gz"
EDITED = "consensus-edited.nii.gz"
MEAN = "mean.nii.gz"
VARIANCE = "variance.nii.gz"
MEMBERS = "members.nii.gz"

_OURS = {RECORD, CONSENSUS, EDITED, MEAN, VARIANCE, MEMBERS}
_LEFT_BY_SYSTEMS = {".DS_Store", "Thumbs.db", "desktop.ini"}


def write_result(
    result: Result,
    folder: StrPath,
    *,
    overwrite: bool = False,
    edited: UInt8[np.ndarray, "D H W"] | None = None,
) -> Path:
    """Save a result.

    Args:
        result: of a run.
        folder: to make, with those above it where they are missing.
        overwrite: whether an older result in its place is replaced.
        edited: the consensus as a person corrected it, on the box; saved beside the computed one.

    Returns:
        The folder.

    Raises:
        GridMismatchError: `edited` is not of the box's shape.
        ResultError: the folder is taken (see `check_folder`), or could not be written; nothing is left
            then, and an older result stays.
    """
    check_folder(folder, overwrite=overwrite)
    _check_edited(result, edited)
    target = Path(folder).resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing_folder(target, overwrite=overwrite) as partial:
            _write_maps(partial, result, edited)
            with replacing(partial / RECORD) as file:
                file.write_text(record(result, edited).model_dump_json(indent=2) + "\n", encoding="utf-8")
    except (OSError, ResultError) as error:
        raise ResultError(
            f"The result could not be saved to {folder} ({_reason(error)}). Free some disk space or choose "
            "another folder; nothing was left behind."
        ) from error
    return Path(folder)


def read_result(folder: StrPath) -> Result:
    """A result as it was saved; a consensus that a person corrected stays in its own file.

    Returns:
        Without members where they were not kept; their volumes are there all the same.

    Raises:
        ResultError: the folder holds no result, one of a newer format, or maps that do not fit its
            record.
        ScanError: a map is missing or damaged.
    """
    folder = Path(folder)
    told = parse_record(folder / RECORD)
    consensus = read_labels(folder / CONSENSUS)
    _check_record(folder, told, consensus)
    count, classes = len(told.volumes[0].members_ml), len(told.classes)
    kept = (folder / MEMBERS).exists()
    return Result(
        box=told.box,
        scan_grid=consensus.grid,
        origin=_origin(told, consensus),
        classes=told.classes,
        mean=_on_box(folder / MEAN, told, consensus, classes).astype(np.float32),
        variance=_variance(folder, told, consensus) if count > 1 else None,
        consensus=consensus.data[told.box.slices].astype(np.uint8),
        members=(
            _on_box(folder / MEMBERS, told, consensus, count).astype(np.uint8)
            if kept
            else np.zeros((0, *told.box.shape), dtype=np.uint8)
        ),
        options=told.options,
        provenance=told.provenance,
        cancelled=told.cancelled,
        recorded_ml=None if kept else _recorded_ml(told),
    )


def check_folder(folder: StrPath, *, overwrite: bool) -> None:
    """Whether a result could be saved there; asked before a run, too, since that may take hours.

    Raises:
        ResultError: the folder cannot be made, or exists and may not be overwritten, or is not an older
            result and nothing else, so that replacing it would delete other files.
    """
    folder = Path(folder)
    above = next(parent for parent in (*folder.absolute().parents, Path.cwd()) if parent.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        raise ResultError(f"{folder} cannot be made: {above} may not be written to. Choose another folder.")
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise ResultError(f"{folder} is a file, where a folder is to be made. Choose another name.")
    if not overwrite:
        raise ResultError(f"{folder} exists already. Choose another folder, or replace it with --overwrite.")
    strange = sorted({path.name for path in folder.iterdir()} - _OURS - _LEFT_BY_SYSTEMS)
    if strange:
        raise ResultError(
            f"{folder} holds “{strange[0]}”, which is no part of a result, and would be deleted with it. "
            "Move that elsewhere, or choose another folder."
        )


def propose_folder(parent: StrPath, scan_name: str) -> Path:
    """A folder that does not exist yet, named after the scan and the time.

    Args:
        parent: where it is to lie.
        scan_name: what a person or a file calls the scan; becomes a slug.
    """
    slug = re.sub(r"[^\w.-]+", "-", scan_name).strip("-.")[:80] or "scan"
    first = Path(parent) / f"{slug}-{datetime.now():%Y-%m-%dT%H-%M-%S}"
    folder, number = first, 2
    while folder.exists():
        folder, number = first.with_name(f"{first.name}-{number}"), number + 1
    return folder


def _write_maps(folder: Path, result: Result, edited: UInt8[np.ndarray, "D H W"] | None) -> None:
    _write(folder / CONSENSUS, result.consensus, result)
    _write(folder / MEAN, result.mean, result)
    if result.variance is not None:
        _write(folder / VARIANCE, result.variance, result)
    if result.options.keep_members and len(result.members):
        _write(folder / MEMBERS, result.members, result)
    if edited is not None:
        _write(folder / EDITED, edited, result)


def _write(path: Path, values: Shaped[np.ndarray, "*n D H W"], result: Result) -> None:
    """A map of the box, 0 outside it, on the scan's file."""
    whole = np.zeros((*values.shape[:-3], *result.scan_grid.shape), dtype=values.dtype)
    whole[(..., *result.box.slices)] = values
    write_volume(path, whole, result.origin, result.scan_grid)


def _on_box(path: Path, told: Record, consensus: LabelMap, count: int) -> Shaped[np.ndarray, "n D H W"]:
    stack = read_stack(path)
    if len(stack.data) != count or not stack.grid.matches(consensus.grid):
        raise ResultError(
            f"{path} holds {times(stack.data.shape)} voxels where {count} × {times(consensus.grid.shape)} on "
            f"the grid of {CONSENSUS} are expected. Copy the folder again from where it came."
        )
    return stack.data[(slice(None), *told.box.slices)]


def _variance(folder: Path, told: Record, consensus: LabelMap) -> Float32[np.ndarray, "class D H W"]:
    return _on_box(folder / VARIANCE, told, consensus, len(told.classes)).astype(np.float32)


def _origin(told: Record, consensus: LabelMap) -> Origin | None:
    """The scan's file, whose grid and header the consensus has; None for a scan made in memory."""
    scan = told.provenance
    if not scan.scan_sha256 or consensus.origin is None:
        return None
    return dataclasses.replace(consensus.origin, name=scan.scan, sha256=scan.scan_sha256)


def _recorded_ml(told: Record) -> Float64[np.ndarray, "member class"]:
    return np.array([of_class.members_ml for of_class in told.volumes], dtype=np.float64).T


def _reason(error: OSError | ResultError) -> str:
    """What the system says, without the temporary name."""
    cause = error.__cause__ or error
    return getattr(cause, "strerror", None) or str(cause)


def _check_edited(result: Result, edited: UInt8[np.ndarray, "D H W"] | None) -> None:
    if edited is not None and edited.shape != result.box.shape:
        raise GridMismatchError(
            f"The corrected consensus has {times(edited.shape)} voxels, the result's box "
            f"{times(result.box.shape)}. Save the layer that this run made."
        )


def _check_record(folder: Path, told: Record, consensus: LabelMap) -> None:
    shape = consensus.grid.shape
    inside = all(
        0 <= start < stop <= n for start, stop, n in zip(told.box.start, told.box.stop, shape, strict=True)
    )
    names = [info.name for info in told.classes]
    counts = {len(of_class.members_ml) for of_class in told.volumes}
    if inside and [of_class.name for of_class in told.volumes] == names and len(counts) == 1:
        return
    raise ResultError(
        f"{folder / RECORD} does not fit {CONSENSUS} beside it: box {told.box} in {times(shape)} voxels, "
        f"{len(told.volumes)} of {len(names)} classes measured. Copy the folder again from where it came."
    )
