"""The JSON document in a checkpoint: everything needed to use its weights. Torch-free."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_diffseg.errors import CheckpointError
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.results.options import SliceAxis
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume.grid import Grid
from napari_diffseg.volume.scan import Scan

FORMAT = 2
METADATA_KEY = "napari-diffseg"
_LONGEST_HEADER = 32 * 2**20
_SLACK = 1.1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Channel(_Part):
    """One input channel, for example t1, and the modality it is of ("MR", "CT")."""

    name: str = Field(min_length=1, max_length=64)
    modality: str = ""


class Range(_Part):
    """Smallest and largest value seen in training along (D, H, W), in mm."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]


class TrainingFacts(_Part):
    """What the weights were trained on and how.

    Attributes:
        data: name of the data set.
        licence: of the data.
        cases: number of training cases.
        split: how validation was kept apart.
        steps: of the optimiser.
        seed: of everything random.
        versions: of the software.
        spacing_mm: seen in training.
        extent_mm: outer sizes seen in training.
    """

    data: str
    licence: str
    cases: int
    split: str
    steps: int
    seed: int
    versions: dict[str, str]
    spacing_mm: Range
    extent_mm: Range


class Metric(_Part):
    """One number and how it was measured.

    Attributes:
        name: for example "mean foreground Dice".
        value: in the metric's unit.
        cases: how many, and which.
        members: ensemble size.
        steps: network calls a member.
        seed: of sampling.
        command: that printed it.
    """

    name: str
    value: float
    cases: str
    members: int
    steps: int
    seed: int
    command: str


class Document(_Part):
    """A checkpoint without its tensors. Any new field raises `format`."""

    format: Literal[2] = 2
    name: str = Field(min_length=1, max_length=128)
    title: str = Field(min_length=1, max_length=256)
    method: str = Field(min_length=1, max_length=64)
    config: dict[str, Any]
    classes: tuple[ClassInfo, ...] = Field(min_length=1, max_length=255)
    channels: tuple[Channel, ...] = Field(min_length=1, max_length=64)
    preparation: Preparation
    training: TrainingFacts | None = None
    metrics: tuple[Metric, ...] = ()
    licence: str = ""
    citation: str = ""
    intended_use: str = ""

    @property
    def dimensions(self) -> int:
        """Of the network: 2 for slices, 3 for volumes."""
        unet = self.config.get("unet")
        return 2 if isinstance(unet, dict) and unet.get("dimensions") == 2 else 3

    @property
    def slice_axis(self) -> SliceAxis | None:
        """Display axis across which the network takes slices; None for one for volumes."""
        return self.preparation.slice_axis if self.dimensions == 2 else None

    def warnings(self, scan: Scan, grid: Grid) -> list[str]:
        """What lies outside the training data, a sentence each, for a scan and the grid of its box."""
        return [
            *_modality_warnings(self.channels, scan),
            *(_range_warnings(self.training, grid, self.slice_axis) if self.training else ()),
        ]


def read_document(path: Path) -> Document:
    """The document of a checkpoint file, without its tensors.

    Raises:
        CheckpointError: the file is not a checkpoint of ours, is cut short, or is of a newer format.
    """
    return parse_document(path, read_header(path)[1])


def read_header(path: Path) -> tuple[dict[str, tuple[int, ...]], str]:
    """Shapes of all tensors by name, and the document's JSON text.

    Raises:
        CheckpointError: the file is not a checkpoint of ours or is cut short.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, _LONGEST_HEADER):
                raise ValueError("header longer than the file")
            header = json.loads(file.read(length))
        text = header.pop("__metadata__", {})[METADATA_KEY]
        shapes = {name: tuple(int(n) for n in entry["shape"]) for name, entry in header.items()}
        end = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except OSError as error:
        raise CheckpointError(
            f"{path.name} cannot be read: {error.strerror}. Choose another file."
        ) from error
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"{path.name} is not a checkpoint of this program: it has no napari-diffseg document. "
            "Choose a .safetensors file that was trained or imported here."
        ) from error
    if 8 + length + end != size:
        raise CheckpointError(
            f"{path.name} is cut short: {size} bytes instead of {8 + length + end}. Copy the file again."
        )
    return shapes, str(text)


def parse_document(path: Path, text: str) -> Document:
    """The document from its JSON text.

    Raises:
        CheckpointError: it is of a newer format or says something it may not.
    """
    try:
        content = json.loads(text)
        version = content["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path.name} holds a document that is not readable. Copy the file again from where it came."
        ) from error
    if isinstance(version, int) and version > FORMAT:
        raise CheckpointError(
            f"{path.name} is of checkpoint format {version}, and this version reads up to {FORMAT}. "
            "Install a newer napari-diffseg."
        )
    try:
        return Document.model_validate(from_format_1(content) if version == 1 else content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CheckpointError(
            f"{path.name} is not valid at “{where}”: {first['msg']}. Train or import the checkpoint again."
        ) from error


def from_format_1(content: dict[str, Any]) -> dict[str, Any]:
    """A document of format 1 as one of format 2, which says how slices are taken and what min–max gives.

    In format 1 the method "imgx" left sampler and fusion to the options, where these were the defaults.
    """
    preparation, config = content.get("preparation"), content.get("config")
    if isinstance(preparation, dict):
        preparation = {"range": [0.0, 1.0], "slice_axis": 0} | preparation
    if isinstance(config, dict) and content.get("method") == "imgx":
        config = {"sampler": "ddpm", "fusion": "mean"} | config
    return content | {"format": 2, "preparation": preparation, "config": config}


def _modality_warnings(channels: tuple[Channel, ...], scan: Scan) -> list[str]:
    wanted = {channel.modality for channel in channels if channel.modality}
    if scan.modality and wanted and scan.modality not in wanted:
        return [f"The scan is {scan.modality}, the model was trained on {' and '.join(sorted(wanted))}."]
    return []


def _range_warnings(training: TrainingFacts, grid: Grid, slice_axis: SliceAxis | None) -> list[str]:
    """Of spacing and extent; how far its slices reach is nothing to a network for slices."""
    found = []
    for what, seen, values, unseen in (
        ("voxel spacing", training.spacing_mm, grid.spacing_mm, None),
        ("region", training.extent_mm, grid.extent_mm, slice_axis),
    ):
        inside = (
            axis == unseen or low / _SLACK <= value <= high * _SLACK
            for axis, (low, value, high) in enumerate(zip(seen.low, values, seen.high, strict=True))
        )
        if not all(inside):
            known = _mm(seen.low) if seen.low == seen.high else f"{_mm(seen.low)} to {_mm(seen.high)}"
            found.append(f"The {what} is {_mm(values)}; the model has seen {known}.")
    return found


def _mm(values: tuple[float, float, float]) -> str:
    return " × ".join(f"{value:.3g}" for value in values) + " mm"
