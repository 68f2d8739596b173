"""BraTS: a folder a case, with four co-registered MR sequences and a mask.

    2020    BraTS20_Training_001/BraTS20_Training_001_{t1,t1ce,t2,flair,seg}.nii.gz     labels 1, 2, 4
    2021    BraTS2021_00000/BraTS2021_00000_{t1,t1ce,t2,flair,seg}.nii.gz               labels 1, 2, 4
    2023    BraTS-GLI-00000-000/BraTS-GLI-00000-000-{t1n,t1c,t2w,t2f,seg}.nii.gz        labels 1, 2, 3

The last number of a name of 2023 counts a patient's visits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_diffseg.datasets.case import Case
from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.volumes import VolumeFiles, no_case, volumes_in
from napari_diffseg.results.classes import named

TITLE = "BraTS"
EXPECTS = "a folder a case, such as BraTS2021_00000/ or BraTS-GLI-00000-000/, with its sequences and mask"

CHANNELS = ("t1", "t1ce", "t2", "flair")
CLASSES = named(("necrotic core", "oedema", "enhancing tumour"))
CITATION = (
    "Baid et al., The RSNA-ASNR-MICCAI BraTS 2021 Benchmark on Brain Tumor Segmentation and Radiogenomic "
    "Classification, 2021, arXiv:2107.02314"
)

_CASE = re.compile(r"BraTS(20\d*_|-)\w[\w-]*")
_VISIT = re.compile(r"-\d{3}$")


@dataclass(frozen=True, slots=True)
class _Convention:
    """How a year names the files of a case, and what its masks hold.

    Args:
        endings: of the sequences, in the order of `CHANNELS`.
        mask: ending of the mask.
        values: in the order of `CLASSES`.
    """

    endings: tuple[str, ...]
    mask: str
    values: tuple[int, ...]


_2020 = _Convention(("_t1", "_t1ce", "_t2", "_flair"), "_seg", (1, 2, 4))
_2023 = _Convention(("-t1n", "-t1c", "-t2w", "-t2f"), "-seg", (1, 2, 3))


def recognises(path: Path) -> bool:
    """Whether a folder inside is named as a case."""
    return any(_folders(path))


def read(path: Path) -> Dataset:
    """The cases; several years may lie side by side.

    Raises:
        DatasetError: no case has all four sequences and a mask.
    """
    found = [_case(folder) for folder in sorted(_folders(path))]
    cases = tuple(item for item in found if isinstance(item, Case))
    problems = tuple(item for item in found if isinstance(item, Problem))
    if not cases:
        raise no_case(path, EXPECTS, problems)
    return Dataset(
        root=path,
        layout=TITLE,
        channels=CHANNELS,
        classes=CLASSES,
        cases=cases,
        modality="MR",
        problems=problems,
        citation=CITATION,
    )


def _folders(path: Path) -> Iterator[Path]:
    return (inner for inner in path.glob("BraTS*") if _CASE.fullmatch(inner.name) and inner.is_dir())


def _case(folder: Path) -> Case | Problem:
    name, files = folder.name, volumes_in(folder)
    convention = _2023 if name.startswith("BraTS-") else _2020
    wanted = [name + ending for ending in convention.endings]
    missing = [file for file in wanted if file not in files]
    if missing:
        return Problem(name, f"There is no image {missing[0]}. Add it, or leave the case out.")
    mask = _mask(files, name + convention.mask)
    if mask is None:
        return Problem(name, f"There is no mask {name}{convention.mask}. Add it, or leave the case out.")
    images = tuple(files[file] for file in wanted)
    patient = _VISIT.sub("", name) if convention is _2023 else name
    return Case(name, patient, VolumeFiles(images, (mask,), CHANNELS, convention.values, "MR"))


def _mask(files: Mapping[str, Path], name: str) -> Path | None:
    """The mask, or the one file that calls itself a segmentation.

    Case 355 of 2020 comes with W39_1998.09.19_Segm.nii.
    """
    alike = [path for file, path in files.items() if "seg" in file.lower()]
    return files.get(name, alike[0] if len(alike) == 1 else None)
