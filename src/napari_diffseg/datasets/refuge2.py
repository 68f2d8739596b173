"""REFUGE-2: photographs of the back of the eye with the optic disc and, in it, the optic cup.

    train/images/g0001.jpg, train/mask/g0001.bmp      and likewise val and test

A mask holds 0 in the cup, 128 in the rest of the disc and 255 elsewhere; some copies of the set have masks as
PNG. The cup lies in the disc, and a voxel has one label here: 1 is the disc's rim without the cup, 2 the cup.
The whole disc of the papers is both together. The names tell of no patient with two photographs, so each is a
patient of its own; the size of a pixel is not told, and 1 mm is taken.

Source:
    Orlando et al., Medical Image Analysis 59 (2020), doi:10.1016/j.media.2019.101570; Fang et al., REFUGE2
    Challenge (2022), arXiv:2202.08994.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt, UInt8

from napari_diffseg.datasets.case import Case, Group, LabelledScan
from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.image import image_grid, image_scan, read_colours, read_grey
from napari_diffseg.errors import DatasetError, ScanError
from napari_diffseg.results.classes import colour
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume import LabelMap

TITLE = "REFUGE-2"
EXPECTS = "train/, val/ or test/, each with images/<name>.jpg and mask/<name>.bmp"

CLASSES = (
    ClassInfo("disc rim", colour(0), "optic disc without the cup"),
    ClassInfo("cup", colour(1), "optic cup; with the rim it makes the disc"),
)
CHANNELS = ("red", "green", "blue")
CITATION = (
    "Orlando et al., REFUGE Challenge, Medical Image Analysis 59 (2020), doi:10.1016/j.media.2019.101570; "
    "Fang et al., REFUGE2 Challenge (2022), arXiv:2202.08994"
)

_GROUPS: dict[str, Group] = {"train": "train", "val": "validation", "test": "test"}
_IMAGES, _MASKS = (".jpg", ".jpeg", ".png"), (".bmp", ".png")
_LABELS = {255: 0, 128: 1, 0: 2}


def recognises(path: Path) -> bool:
    """Whether a part of the set has images and masks."""
    return any((path / part / "images").is_dir() and (path / part / "mask").is_dir() for part in _GROUPS)


def read(path: Path) -> Dataset:
    """A case for each photograph with a mask; the others are problems.

    Raises:
        DatasetError: there is no such photograph.
    """
    cases: list[Case] = []
    problems: list[Problem] = []
    for part, group in _GROUPS.items():
        images, masks = _files(path / part / "images", _IMAGES), _files(path / part / "mask", _MASKS)
        for stem in sorted(images.keys() | masks.keys()):
            name = f"{part}-{stem}"
            if stem in images and stem in masks:
                cases.append(Case(name, stem, partial(_read_eye, images[stem], masks[stem], name), group))
            else:
                problems.append(Problem(name, _told(part, stem, masked=stem in masks)))
    if not cases:
        raise DatasetError(f"{path.name} holds no case: expected {EXPECTS}. Choose the folder above these.")
    return Dataset(
        root=path,
        layout=TITLE,
        channels=CHANNELS,
        classes=CLASSES,
        cases=tuple(sorted(cases, key=lambda case: case.name)),
        dimensions=2,
        problems=tuple(problems),
        citation=CITATION,
    )


def _files(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    return {file.stem: file for file in sorted(folder.glob("[!.]*")) if file.suffix.lower() in endings}


def _told(part: str, stem: str, *, masked: bool) -> str:
    has, lacks = ("a mask", "image in images") if masked else ("an image", "mask in mask")
    return f"{part}/{stem} has {has} and no {lacks}/. Add it, or leave the photograph out."


def _read_eye(image: Path, mask: Path, name: str) -> LabelledScan:
    scan = image_scan(read_colours(image, f"the image of {name}"), name, channels=CHANNELS)
    labels = _labels(read_grey(mask, f"the mask of {name}"), name)
    return LabelledScan(scan, (LabelMap(labels[np.newaxis], image_grid(labels.shape)),))


def _labels(values: UInt[np.ndarray, "H W"], name: str) -> UInt8[np.ndarray, "H W"]:
    labels = np.full(values.shape, len(_LABELS), dtype=np.uint8)
    for value, label in _LABELS.items():
        labels[values == value] = label
    strange = labels == len(_LABELS)
    if strange.any():
        raise ScanError(
            f"The mask of {name} holds {values[strange][0]}, where 0 is the cup, 128 the rim and 255 the "
            "rest. Take the mask as it was distributed, neither resized nor saved as JPEG."
        )
    return labels
