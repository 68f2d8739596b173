"""LIDC-IDRI as PNG crops, a folder a patient and in it a folder a nodule.

    LIDC-IDRI-0882/nodule-1/images/slice-0.png
    LIDC-IDRI-0882/nodule-1/mask-0/slice-0.png      to mask-3

The files do not tell how large a pixel is; 1 mm is taken.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari_diffseg.datasets import lidc
from napari_diffseg.datasets.case import Case, LabelledScan
from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.image import read_grey

TITLE = "LIDC crops in PNG folders"
EXPECTS = "<patient>/nodule-<k>/images/slice-<i>.png with mask-0 to mask-3 beside images"

_MASKS = tuple(f"mask-{reader}" for reader in range(lidc.READERS))
_ABOVE_PATIENTS = "LIDC-IDRI-slices"


def recognises(path: Path) -> bool:
    """Whether a folder holds patients, or the folder LIDC-IDRI-slices that does."""
    return any(True for _ in _patients(path).glob("*/nodule-*/images"))


def read(path: Path) -> Dataset:
    """A case for each slice of a nodule; one that lacks a mask or its image is a problem.

    Raises:
        DatasetError: no slice has all its files.
    """
    cases: list[Case] = []
    problems: list[Problem] = []
    for nodule in sorted(_patients(path).glob("*/nodule-*")):
        patient = nodule.parent.name
        for file in _slices(nodule):
            name = f"{patient}-{nodule.name}-{Path(file).stem}"
            missing = [part for part in ("images", *_MASKS) if not (nodule / part / file).is_file()]
            if missing:
                problems.append(Problem(name, _told(nodule, file, missing)))
            else:
                cases.append(Case(name, patient, partial(_read_slice, nodule, file, name)))
    return lidc.crops(path, TITLE, cases, problems)


def _patients(path: Path) -> Path:
    below = path / _ABOVE_PATIENTS
    return below if below.is_dir() else path


def _slices(nodule: Path) -> list[str]:
    return sorted({file.name for part in ("images", *_MASKS) for file in (nodule / part).glob("slice-*.png")})


def _told(nodule: Path, file: str, missing: list[str]) -> str:
    return (
        f"{nodule.parent.name}/{nodule.name} has no {' and no '.join(f'{part}/{file}' for part in missing)}. "
        "Add what is missing, or leave the slice out."
    )


def _read_slice(nodule: Path, file: str, name: str) -> LabelledScan:
    pixels, *masks = (read_grey(nodule / part / file, f"{part} of {name}") for part in ("images", *_MASKS))
    return lidc.labelled(name, pixels, masks)
