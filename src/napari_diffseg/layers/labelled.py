"""Image layers with the labels that lie on them, saved as a data set of images and labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_diffseg.errors import DatasetError, DiffSegError
from napari_diffseg.io.naming import slug, unused
from napari_diffseg.io.nifti import write_volume
from napari_diffseg.layers.foreign import check_usable, shown_grid
from napari_diffseg.layers.scans import grid_of, scan_of
from napari_diffseg.layers.source import METADATA_KEY, Source, source_in
from napari_diffseg.volume import Scan

_CLASSES = "classes.json"
_GREATEST_LABEL = 65535


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """An image layer and the labels layers that lie on it, a rater each."""

    image: Image
    labels: tuple[Labels, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SavedCase:
    """A case to be written: the voxels of layers, so that a thread may do it.

    Args:
        name: of its files.
        scan: of one channel.
        raters: names of the masks' files; not used for a single one.
        masks: on the scan's voxels.
        classes: name and colour of the labels 1, 2, …; empty where the layers do not say.
    """

    name: str
    scan: Scan
    raters: tuple[str, ...]
    masks: tuple[UInt[np.ndarray, "D H W"], ...]
    classes: tuple[dict[str, str], ...]


def labelled_images(viewer: ViewerModel) -> list[LabelledImage]:
    """The viewer's images that have labels; what runs made of an image is no image."""
    labels = [layer for layer in viewer.layers if isinstance(layer, Labels) and not _made_by_run(layer)]
    images = [layer for layer in viewer.layers if isinstance(layer, Image) and not _made_by_run(layer)]
    found = [
        LabelledImage(image, tuple(mask for mask in labels if _lies_on(mask, image))) for image in images
    ]
    return [one for one in found if one.labels]


def saved_cases(chosen: Sequence[LabelledImage]) -> list[SavedCase]:
    """What is to be written of these layers.

    Raises:
        ScanError: an image layer cannot be a scan.
        DatasetError: none was chosen, or a labels layer is empty or holds other than labels.
    """
    if not chosen:
        raise DatasetError("No layer is chosen. Tick at least one image and the labels on it.")
    names: list[str] = []
    for one in chosen:
        names.append(unused(slug(one.image.name, "case"), names))
    return [_case(name, one) for name, one in zip(names, chosen, strict=True)]


def write_cases(cases: Sequence[SavedCase], folder: Path) -> None:
    """Write images/ and labels/; cases that are there already stay, and a name that is taken gets a number.

    Raises:
        DatasetError: the folder cannot be made.
        ResultError: a file cannot be written.
    """
    images, labels = folder / "images", folder / "labels"
    try:
        for inner in (images, labels):
            inner.mkdir(parents=True, exist_ok=True)
        taken = {path.name.partition(".nii")[0] for path in images.iterdir()}
        for case in cases:
            name = unused(case.name, taken)
            taken.add(name)
            _write_masks(case, labels, name)
            write_volume(images / f"{name}.nii.gz", case.scan.data, case.scan.origin, case.scan.grid)
        _write_classes(cases, folder)
    except OSError as error:
        raise DatasetError(f"{folder} cannot be written to: {error.strerror}. Choose another.") from error


def _write_masks(case: SavedCase, labels: Path, name: str) -> None:
    paths = [labels / f"{name}.nii.gz"]
    if len(case.masks) > 1:
        (labels / name).mkdir(exist_ok=True)
        paths = [labels / name / f"{rater}.nii.gz" for rater in case.raters]
    for path, mask in zip(paths, case.masks, strict=True):
        write_volume(path, mask, case.scan.origin, case.scan.grid)


def _write_classes(cases: Sequence[SavedCase], folder: Path) -> None:
    """Where the folder does not say yet what its labels mean, and the layers do."""
    told = max((case.classes for case in cases), key=len)
    if told and not (folder / _CLASSES).exists():
        (folder / _CLASSES).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _case(name: str, one: LabelledImage) -> SavedCase:
    masks = tuple(_labels_on(mask, one.image) for mask in one.labels)
    raters: list[str] = []
    for mask in one.labels:
        raters.append(unused(slug(mask.name, "rater"), raters))
    greatest = max(int(mask.max()) for mask in masks)
    classes = next((told for layer in one.labels if (told := _classes(layer, greatest))), ())
    return SavedCase(name, scan_of([one.image], ["image"]), tuple(raters), masks, classes)


def _classes(layer: Labels, greatest: int) -> tuple[dict[str, str], ...]:
    """Names and colours of all labels up to the greatest; empty where one has no name."""
    if not {"index", "name"} <= set(layer.features.columns):
        return ()
    named = dict(zip(layer.features["index"], layer.features["name"], strict=True))
    numbers = range(1, max([greatest, *(int(number) for number in named)]) + 1)
    if any(not str(named.get(number, "")) for number in numbers):
        return ()
    return tuple({"name": str(named[number]), "colour": _colour(layer, number)} for number in numbers)


def _colour(layer: Labels, label: int) -> str:
    red, green, blue = (round(255 * float(part)) for part in layer.get_color(label)[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"


def _labels_on(labels: Labels, image: Image) -> UInt[np.ndarray, "D H W"]:
    """The labels on the voxels of the image, background where the layer does not reach."""
    data = np.asarray(labels.data)
    if data.size and (data.min() < 0 or data.max() > _GREATEST_LABEL):
        raise DatasetError(
            f"“{labels.name}” holds labels from {data.min()} to {data.max()}; 0 to {_GREATEST_LABEL} are "
            "possible. Correct them in the viewer."
        )
    source = _source(labels)
    whole = source.restored(data) if source is not None else data
    return whole.astype(np.uint8 if whole.max(initial=0) < 256 else np.uint16)


def _lies_on(labels: Labels, image: Image) -> bool:
    """Whether both are of one scan, or are shown voxel on voxel."""
    try:
        grid, source = grid_of([image]), _source(labels)
        if source is not None:
            return source.scan_grid.matches(grid)
        check_usable(labels)
        return shown_grid(labels).matches(shown_grid(image))
    except DiffSegError:
        return False


def _source(layer: Labels) -> Source | None:
    place: dict[str, Any] = {"metadata": layer.metadata, "scale": layer.scale, "translate": layer.translate}
    return source_in(place, layer.data.shape) if layer.ndim == 3 else None


def _made_by_run(layer: Image | Labels) -> bool:
    """Maps and previews are of no use to train on; a consensus that a person corrected is."""
    source = layer.metadata.get(METADATA_KEY)
    if not isinstance(source, Source):
        return False
    return source.preview or (isinstance(layer, Image) and source.run > 0)
