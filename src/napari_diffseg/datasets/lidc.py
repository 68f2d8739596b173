"""LIDC-IDRI as crops of CT slices, each with the masks of four readers: what its layouts share.

The readers are anonymous and differ from scan to scan, so the masks of a crop are in no order. An empty
mask is a reader who drew nothing on that slice.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Real, Shaped

from napari_diffseg.datasets.case import Case, LabelledScan
from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.image import UNKNOWN_MM, PixelSpacing, image_mask, image_scan
from napari_diffseg.errors import DatasetError
from napari_diffseg.raters.lidc.notes import CITATION, LICENCE, SLOTS, UNBLINDED
from napari_diffseg.results.classes import named

READERS = 4
MODALITY = "CT"
CLASSES = named(("nodule",))
NOTES = (UNBLINDED, SLOTS)


def files(path: Path, endings: tuple[str, ...]) -> list[Path]:
    """A file that ends so, or those of a folder that do and are named after LIDC."""
    found = sorted(path.glob("*lidc*")) if path.is_dir() else [path]
    return [file for file in found if file.suffix in endings]


def labelled(
    name: str,
    pixels: Real[np.ndarray, "H W"],
    masks: Iterable[Shaped[np.ndarray, "_ _"]],
    spacing_mm: PixelSpacing = UNKNOWN_MM,
) -> LabelledScan:
    """One crop and its masks; whether they have one size is for `Case.read` to see.

    Raises:
        ScanError: a mask holds more than two numbers.
    """
    return LabelledScan(
        image_scan(pixels[np.newaxis], name, spacing_mm=spacing_mm, modality=MODALITY),
        tuple(
            image_mask(mask, f"mask {number} of {name}", spacing_mm=spacing_mm)
            for number, mask in enumerate(masks)
        ),
    )


def crops(path: Path, layout: str, cases: Iterable[Case], problems: Iterable[Problem] = ()) -> Dataset:
    """The data set of these cases, in the order of their names.

    Raises:
        DatasetError: there is none.
    """
    in_order = tuple(sorted(cases, key=lambda case: case.name))
    told = tuple(problems)
    if not in_order:
        seen = f" The first of {len(told)} problems: {told[0].sentence}" if told else ""
        raise DatasetError(f"{path.name} holds no crop with its {READERS} masks ({layout}).{seen}")
    return Dataset(
        root=path,
        layout=layout,
        channels=("image",),
        classes=CLASSES,
        cases=in_order,
        dimensions=2,
        modality=MODALITY,
        problems=told,
        licence=LICENCE,
        citation=CITATION,
        notes=NOTES,
    )
