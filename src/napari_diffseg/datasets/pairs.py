"""A folder with images/ and labels/: a case is a file of one name in both.

    images/NAME.nii.gz
    labels/NAME.nii.gz      one mask
    labels/NAME/*.nii.gz    or a mask for each rater, in the order of their names; this wins
    classes.json            optional: [{"name": "anterior", "colour": "#ff9f1c"}, …] for the labels 1, 2, …

Without classes.json every value that some mask holds is a class. Which cases are of one patient cannot
be told, so each counts as a patient of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from napari_diffseg.datasets.case import Case
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.tally import tally
from napari_diffseg.datasets.volumes import VolumeFiles, no_case, unpaired, volumes_in
from napari_diffseg.errors import DatasetError, ScanError
from napari_diffseg.io.nifti import read_labels
from napari_diffseg.io.sequence import channel_of, modality_of
from napari_diffseg.results.classes import colour, named
from napari_diffseg.results.result import ClassInfo

TITLE = "images and labels"
EXPECTS = "images/ and labels/ with NIfTI files of one name in both; several raters in labels/NAME/"

_CLASSES = "classes.json"
_MOST_CLASSES = 255
_THREADS = 4

Masks = Mapping[str, tuple[Path, ...]]


class _Class(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=128)
    colour: str | None = Field(None, pattern="^#[0-9a-fA-F]{6}$")
    meaning: str = Field("", max_length=512)


_CLASS_LIST = TypeAdapter(Annotated[list[_Class], Field(min_length=1, max_length=_MOST_CLASSES)])


def recognises(path: Path) -> bool:
    """Whether both folders are there."""
    return (path / "images").is_dir() and (path / "labels").is_dir()


def read(path: Path) -> Dataset:
    """The folder's cases.

    Raises:
        DatasetError: there is no case, no mask holds anything but 0, or classes.json is not as it should be.
    """
    images, masks = volumes_in(path / "images"), _masks_in(path / "labels")
    names = sorted(images.keys() & masks.keys())
    if not names:
        raise no_case(path, EXPECTS, unpaired(images, masks))
    channel = _channel(images)
    values, classes = _classes(path, (file for name in names for file in masks[name]))
    return Dataset(
        root=path,
        layout=TITLE,
        channels=(channel,),
        classes=classes,
        cases=tuple(
            Case(
                name,
                name,
                VolumeFiles((images[name],), masks[name], (channel,), values, modality_of(channel)),
            )
            for name in names
        ),
        modality=modality_of(channel),
        problems=unpaired(images, masks),
    )


def _masks_in(folder: Path) -> Masks:
    """A case's file, or the files in its folder in the order of their names."""
    raters = {
        inner.name: tuple(volumes_in(inner).values())
        for inner in sorted(folder.glob("[!.]*"))
        if inner.is_dir()
    }
    single = {name: (file,) for name, file in volumes_in(folder).items()}
    return single | {name: files for name, files in raters.items() if files}


def _channel(images: Iterable[str]) -> str:
    """The sequence that all file names speak of, if they do."""
    found = {channel_of(name) for name in images}
    return found.pop() if len(found) == 1 else "image"


def _classes(path: Path, masks: Iterable[Path]) -> tuple[tuple[int, ...], tuple[ClassInfo, ...]]:
    """Values of the classes, and what they are called."""
    if (path / _CLASSES).is_file():
        told = _told(path / _CLASSES)
        return tuple(range(1, len(told) + 1)), told
    with ThreadPoolExecutor(_THREADS) as threads:
        values = sorted(set().union(*threads.map(_values, masks)))
    if not 1 <= len(values) <= _MOST_CLASSES:
        raise DatasetError(
            f"The masks in {path.name} hold {len(values)} values other than 0, where 1 to {_MOST_CLASSES} "
            f"classes are possible. Choose a folder of masks, or name the classes in {_CLASSES}."
        )
    return tuple(values), named(f"class {value}" for value in values)


def _values(mask: Path) -> set[int]:
    """What a mask holds but 0; nothing of one that cannot be a mask, of which an inspection tells."""
    try:
        values = np.flatnonzero(tally(read_labels(mask).data)[1:]) + 1
    except ScanError:
        return set()
    return set(values.tolist()) if len(values) <= _MOST_CLASSES else set()


def _told(path: Path) -> tuple[ClassInfo, ...]:
    try:
        listed = _CLASS_LIST.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise DatasetError(
            f"{path.name} is not right at “{place}”: {first['msg']}. "
            'Expected a list such as [{"name": "anterior", "colour": "#ff9f1c"}], the first for label 1.'
        ) from error
    return tuple(
        ClassInfo(info.name, info.colour or colour(place), info.meaning) for place, info in enumerate(listed)
    )
