"""AMOS22: abdominal CT and MR with 15 organs.

    imagesTr/amos_0001.nii.gz, labelsTr/amos_0001.nii.gz      for training
    imagesVa/amos_0008.nii.gz, labelsVa/amos_0008.nii.gz      for validation

Scans up to number 500 are CT, those above are MR. The test scans have no masks, so ImgX-DiffSeg divides
the 100 CT for validation: the first tenth stay so, the others are for the test (Fu et al. 2023,
arXiv:2303.06040, section 4.1; which ones, is in its code). The same is done here to the MR.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from napari_diffseg.datasets.case import Case, Group
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.volumes import VolumeFiles, no_case, unpaired, volumes_in
from napari_diffseg.results.classes import named

TITLE = "AMOS22"
EXPECTS = "imagesTr/, labelsTr/ and imagesVa/, labelsVa/ with files such as amos_0001.nii.gz"

CLASSES = named(
    (
        "spleen",
        "right kidney",
        "left kidney",
        "gall bladder",
        "oesophagus",
        "liver",
        "stomach",
        "aorta",
        "postcava",
        "pancreas",
        "right adrenal gland",
        "left adrenal gland",
        "duodenum",
        "bladder",
        "prostate or uterus",
    )
)
CITATION = (
    "Ji et al., AMOS: A Large-Scale Abdominal Multi-Organ Benchmark for Versatile Medical Image "
    "Segmentation, NeurIPS 2022, arXiv:2206.08023"
)

_NAME = re.compile(r"amos_(\d{4})")
_LAST_CT = 500
_CHANNELS = ("image",)
_VALUES = tuple(range(1, len(CLASSES) + 1))


def recognises(path: Path) -> bool:
    """Whether an image for training is named as AMOS names it."""
    return any(_NAME.fullmatch(name) for name in volumes_in(path / "imagesTr"))


def read(path: Path) -> Dataset:
    """The cases with masks, CT and MR.

    Raises:
        DatasetError: there is none.
    """
    for_training, held_back = _files(path, "Tr"), _files(path, "Va")
    images, masks = ({**one, **other} for one, other in zip(for_training, held_back, strict=True))
    groups = _groups(_paired(*for_training), _paired(*held_back))
    problems = unpaired(*for_training) + unpaired(*held_back)
    if not groups:
        raise no_case(path, EXPECTS, problems)
    modalities = {_modality(name) for name in groups}
    return Dataset(
        root=path,
        layout=TITLE,
        channels=_CHANNELS,
        classes=CLASSES,
        cases=tuple(
            Case(
                name,
                name,
                VolumeFiles((images[name],), (masks[name],), _CHANNELS, _VALUES, _modality(name)),
                group,
            )
            for name, group in sorted(groups.items())
        ),
        modality=modalities.pop() if len(modalities) == 1 else "",
        problems=problems,
        citation=CITATION,
    )


def _files(path: Path, part: str) -> tuple[dict[str, Path], dict[str, Path]]:
    """Images and masks of a part by name."""
    images, masks = (
        {name: file for name, file in volumes_in(path / f"{kind}{part}").items() if _NAME.fullmatch(name)}
        for kind in ("images", "labels")
    )
    return images, masks


def _paired(images: Iterable[str], masks: Iterable[str]) -> list[str]:
    return sorted(set(images) & set(masks))


def _groups(for_training: Iterable[str], held_back: Iterable[str]) -> dict[str, Group]:
    groups: dict[str, Group] = dict.fromkeys(for_training, "train")
    for modality in ("CT", "MR"):
        names = [name for name in held_back if _modality(name) == modality]
        first = len(names) // 10
        groups |= dict.fromkeys(names[:first], "validation")
        groups |= dict.fromkeys(names[first:], "test")
    return groups


def _modality(name: str) -> str:
    return "CT" if int(name.removeprefix("amos_")) <= _LAST_CT else "MR"
