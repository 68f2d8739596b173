"""LIDC-IDRI's nodules as small volumes, a folder each, with the masks of four readers.

    LIDC-IDRI-0617_n01/image.nii.gz
    LIDC-IDRI-0617_n01/mask-0.nii.gz      to mask-3
    nodules.json                          optional: patient, malignancy and subtlety of each folder

Without nodules.json every folder counts as a patient.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from napari_diffseg.datasets import lidc
from napari_diffseg.datasets.case import Case
from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.volumes import VolumeFiles, no_case
from napari_diffseg.errors import DatasetError
from napari_diffseg.raters.lidc.notes import CITATION, LICENCE

TITLE = "LIDC nodules in 3D"
EXPECTS = "<nodule>/image.nii.gz with mask-0.nii.gz to mask-3.nii.gz beside it"

_TABLE = "nodules.json"
_MOST_BYTES = 2**26
_IMAGE = "image.nii.gz"
_MASKS = tuple(f"mask-{reader}.nii.gz" for reader in range(lidc.READERS))

_Ratings = Annotated[tuple[int | None, ...], Field(min_length=lidc.READERS, max_length=lidc.READERS)]


class _Nodule(BaseModel):
    """What is read of a nodule in the table; it says more."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    patient: str = Field(min_length=1)
    malignancy: _Ratings = (None,) * lidc.READERS
    subtlety: _Ratings = (None,) * lidc.READERS

    def ratings(self) -> tuple[dict[str, int], ...]:
        """Of each reader; none of one who drew nothing."""
        told = {"subtlety": self.subtlety, "malignancy": self.malignancy}
        return tuple(
            {name: value for name, values in told.items() if (value := values[reader]) is not None}
            for reader in range(lidc.READERS)
        )


_NODULES = TypeAdapter(list[_Nodule])


def recognises(path: Path) -> bool:
    """Whether a folder in it holds an image and the first mask."""
    return any((mask.parent / _IMAGE).is_file() for mask in path.glob(f"*/{_MASKS[0]}"))


def read(path: Path) -> Dataset:
    """A case for each folder; one that lacks a file is a problem.

    Raises:
        DatasetError: no folder has all its files, or nodules.json is not as it should be.
    """
    known = {nodule.name: nodule for nodule in _table(path / _TABLE)}
    cases: list[Case] = []
    problems: list[Problem] = []
    for folder in sorted({file.parent for name in (_IMAGE, *_MASKS) for file in path.glob(f"*/{name}")}):
        missing = [name for name in (_IMAGE, *_MASKS) if not (folder / name).is_file()]
        if missing:
            told = f"{folder.name} has no {' and no '.join(missing)}. Add what is missing, or leave it out."
            problems.append(Problem(folder.name, told))
        else:
            cases.append(_case(folder, known.get(folder.name)))
    if not cases:
        raise no_case(path, EXPECTS, problems)
    return Dataset(
        root=path,
        layout=TITLE,
        channels=("image",),
        classes=lidc.CLASSES,
        cases=tuple(cases),
        modality=lidc.MODALITY,
        problems=tuple(problems),
        licence=LICENCE,
        citation=CITATION,
        notes=lidc.NOTES,
    )


def _case(folder: Path, nodule: _Nodule | None) -> Case:
    masks = tuple(folder / name for name in _MASKS)
    source = VolumeFiles((folder / _IMAGE,), masks, ("image",), (1,), lidc.MODALITY)
    if nodule is None:
        return Case(folder.name, folder.name, source)
    return Case(folder.name, nodule.patient, source, ratings=nodule.ratings())


def _table(path: Path) -> list[_Nodule]:
    if not path.is_file():
        return []
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MiB")
        return _NODULES.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise DatasetError(
            f"{path.name} is not right at “{place}”: {first['msg']}. Correct it, or remove it."
        ) from error
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path.name} cannot be read ({error}). Correct it, or remove it.") from error
