"""The JSON document in a result folder: how the maps beside it came about, and what they measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_diffseg.errors import ResultError
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.results.result import ClassInfo, Provenance, Result
from napari_diffseg.volume.grid import Box

FORMAT = 2
RECORD = "result.json"


class _Part(BaseModel):
    # JSON knows no NaN; what is not defined is null
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ClassVolumes(_Part):
    """What one class measures, in millilitres.

    Attributes:
        name: of the class.
        members_ml: in each hard member, in the order of their numbers.
        mean_ml: over the members.
        sd_ml: over the members, with n − 1; null for one member.
        consensus_ml: in the computed consensus.
        edited_ml: in the consensus that a person corrected; null when nobody did.
    """

    name: str
    members_ml: tuple[float, ...] = Field(min_length=1, max_length=64)
    mean_ml: float
    sd_ml: float | None
    consensus_ml: float
    edited_ml: float | None = None


class Record(_Part):
    """A result without its maps. Any new field raises `format`.

    Attributes:
        format: of this document.
        provenance: scan and checkpoint by name and checksum, method, device, precision, duration,
            versions, and what "automatic" in the options became. No path and no patient's name.
        options: every setting, the seed among them, as asked for.
        box: the voxels computed, in display order.
        classes: foreground classes in order; label k + 1 is classes[k].
        cancelled: whether members are missing because a person cancelled.
        volumes: of each class, in order.
    """

    format: Literal[2] = 2
    provenance: Provenance
    options: SamplingOptions
    box: Box
    classes: tuple[ClassInfo, ...] = Field(min_length=1, max_length=255)
    cancelled: bool
    volumes: tuple[ClassVolumes, ...]


def record(result: Result, edited: UInt8[np.ndarray, "D H W"] | None = None) -> Record:
    """The document of a result.

    Args:
        result: of a run.
        edited: the consensus as a person corrected it, on the box.
    """
    return Record(
        provenance=result.provenance,
        options=result.options,
        box=result.box,
        classes=result.classes,
        cancelled=result.cancelled,
        volumes=tuple(_volumes(result, edited)),
    )


def parse_record(path: Path) -> Record:
    """The document in a file.

    Raises:
        ResultError: the file is missing or unreadable, of a newer format, or says what it may not.
    """
    try:
        content = json.loads(path.read_bytes())
        version = content["format"]
    except OSError as error:
        raise ResultError(
            f"{path} cannot be read ({error.strerror}). Choose a folder that a run was saved to."
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ResultError(
            f"{path} is not the record of a result. Choose a folder that a run was saved to."
        ) from error
    if isinstance(version, int) and version > FORMAT:
        raise ResultError(
            f"{path} is of result format {version}, and this version reads up to {FORMAT}. "
            "Install a newer napari-diffseg."
        )
    try:
        return Record.model_validate(from_format_1(content) if version == 1 else content)
    except ValidationError as error:
        first = error.errors()[0]
        raise ResultError(
            f"{path} is not valid at “{'.'.join(map(str, first['loc']))}”: {first['msg']}. "
            "Copy the folder again from where it came, or repeat the run."
        ) from error


def from_format_1(content: dict[str, Any]) -> dict[str, Any]:
    """A document of format 1 as one of format 2, which says more of how members were drawn and fused.

    In format 1 every choice was made in the options, all networks were for volumes, and "imgx-unet" was the
    only method without diffusion.
    """
    options, provenance = content.get("options"), content.get("provenance")
    if not isinstance(options, dict) or not isinstance(provenance, dict):
        return {**content, "format": 2}  # refused for what is missing, by name
    unchosen = {"eta": 0.0, "slice_noise": "shared", "start_slice": None, "relative_area": None}
    chosen = {
        "sampler": None if provenance.get("method") == "imgx-unet" else options.get("sampler"),
        "fusion": options.get("fusion"),
        "slice_axis": None,
        "slices_at_once": None,
    }
    return {**content, "format": 2, "options": unchosen | options, "provenance": chosen | provenance}


def _volumes(result: Result, edited: UInt8[np.ndarray, "D H W"] | None) -> list[ClassVolumes]:
    members_ml = result.volumes_ml
    return [
        ClassVolumes(
            name=line["class"],
            members_ml=tuple(members_ml[:, k].tolist()),
            mean_ml=line["mean_ml"],
            sd_ml=line["sd_ml"],
            consensus_ml=line["consensus_ml"],
            edited_ml=None if edited is None else _volume_ml(edited, k + 1, result),
        )
        for k, line in enumerate(result.summary())
    ]


def _volume_ml(labels: UInt8[np.ndarray, "D H W"], label: int, result: Result) -> float:
    return int(np.count_nonzero(labels == label)) * result.scan_grid.voxel_ml
