"""Prepared cases on disk: each is prepared once a run, and read through the system's own cache."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from napari_diffseg.datasets.case import Case, LabelledScan
from napari_diffseg.errors import TrainingError
from napari_diffseg.io.atomic import replacing_folder
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.preparation.prepared import prepare, prepare_labels
from napari_diffseg.volume.grid import Box, Shape

_IMAGE, _READS, _FACTS = "image.npy", "reads.npy", "facts.json"


@dataclass(frozen=True, slots=True, eq=False)
class CachedCase:
    """A case as networks see it, before random changes and padding; both arrays lie on disk.

    Args:
        name: of the case.
        image: prepared channels.
        reads: one label map a rater.
        spacing_mm: of the scan itself.
        extent_mm: likewise.
    """

    name: str
    image: Float32[np.ndarray, "channel D H W"]
    reads: UInt8[np.ndarray, "read D H W"]
    spacing_mm: tuple[float, float, float]
    extent_mm: tuple[float, float, float]

    @property
    def shape(self) -> Shape:
        """Prepared voxels along (D, H, W)."""
        _, d, h, w = self.image.shape
        return d, h, w


def cached(case: Case, preparation: Preparation, classes: int, place: Path) -> CachedCase:
    """A prepared case, from its folder or, where that does not hold it whole, from its files.

    Args:
        case: on disk.
        preparation: the rule.
        classes: with background.
        place: the case's own folder; what it is in is made where it is not there.

    Raises:
        ScanError, DatasetError, GridMismatchError, PreparationError: the case cannot be read or prepared.
        TrainingError: a mask holds a class that the run does not have.
    """
    return _opened(case.name, preparation, place) or _written(case, preparation, classes, place)


def _opened(name: str, preparation: Preparation, place: Path) -> CachedCase | None:
    """The case, or None where the folder lacks it, has another one or rule, or is damaged."""
    try:
        facts = _facts(place)
        if (facts["name"], facts["preparation"]) != (name, _rule(preparation)):
            return None
        return _loaded(facts, place)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _written(case: Case, preparation: Preparation, classes: int, place: Path) -> CachedCase:
    found = case.read()
    _check_labels(case, found, classes)
    rule = preparation.model_copy(update={"multiple": 1})
    grid = found.scan.grid
    image = prepare(rule, found.scan, Box.whole(grid.shape)).image
    reads = [prepare_labels(rule, mask.data.astype(np.uint8), grid) for mask in found.reads]
    facts = {
        "name": case.name,
        "preparation": _rule(preparation),
        "spacing_mm": grid.spacing_mm,
        "extent_mm": grid.extent_mm,
    }
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing_folder(place, overwrite=True) as partial:
        _save(image.numpy(), partial / _IMAGE)
        _save(np.stack(reads), partial / _READS)
        (partial / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
    return _loaded(_facts(place), place)


def _facts(place: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((place / _FACTS).read_text(encoding="utf-8"))
    return facts


def _loaded(facts: dict[str, Any], place: Path) -> CachedCase:
    image, reads = (np.load(place / file, mmap_mode="r") for file in (_IMAGE, _READS))
    return CachedCase(facts["name"], image, reads, tuple(facts["spacing_mm"]), tuple(facts["extent_mm"]))


def _save(values: np.ndarray, path: Path) -> None:
    """As numpy does, which does not say of a full disk that it is full."""
    content = io.BytesIO()
    np.save(content, values)
    path.write_bytes(content.getbuffer())


def _rule(preparation: Preparation) -> str:
    return preparation.model_dump_json(exclude={"multiple"})


def _check_labels(case: Case, found: LabelledScan, classes: int) -> None:
    highest = max(int(mask.data.max()) for mask in found.reads)
    if highest >= classes:
        raise TrainingError(
            f"A mask of case {case.name} holds the value {highest}, but the data set has {classes} classes "
            "with background. Correct the mask or the data set's list of classes."
        )
