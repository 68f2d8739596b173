"""The prostate MR of ImgX-DiffSeg: one flat folder (Li et al. 2022, arXiv:2209.05160, Zenodo record 7013610).

    001000_img.nii, 001000_mask.nii     a T2-weighted image with eight structures; one image a patient
    institution.txt                     optional: a line "001000 UCL" for each image

With institution.txt put into the folder, the parts are those of ImgX-DiffSeg (Fu et al. 2023,
arXiv:2303.06040, section 4.1; the rule is in its code): of each institution's images the first two are for
validation, the others up to three quarters, less two, for training, the rest for the test: 411, 14 and 164
of all 589.
"""

from __future__ import annotations

from pathlib import Path

from napari_diffseg.datasets.case import Case, Group
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.volumes import VolumeFiles, no_case, unpaired, volumes_in
from napari_diffseg.results.classes import named

TITLE = "Prostate MR"
EXPECTS = "files such as 001000_img.nii and 001000_mask.nii side by side"

CLASSES = named(
    (
        "bladder",
        "bone",
        "obturator internus",
        "transition zone",
        "central gland",
        "rectum",
        "seminal vesicle",
        "neurovascular bundle",
    )
)
CITATION = (
    "Li et al., Prototypical few-shot segmentation for cross-institution male pelvic structures with spatial "
    "registration, 2022, arXiv:2209.05160"
)

_CHANNELS = ("t2",)
_VALUES = tuple(range(1, len(CLASSES) + 1))
_INSTITUTIONS = "institution.txt"
_FOR_VALIDATION = 2  # of each institution


def recognises(path: Path) -> bool:
    """Whether some image has its mask beside it."""
    images, masks = _files(path)
    return not images.keys().isdisjoint(masks)


def read(path: Path) -> Dataset:
    """The folder's cases.

    Raises:
        DatasetError: there is none.
    """
    images, masks = _files(path)
    names = sorted(images.keys() & masks.keys())
    if not names:
        raise no_case(path, EXPECTS, unpaired(images, masks))
    groups = _groups(path / _INSTITUTIONS)
    return Dataset(
        root=path,
        layout=TITLE,
        channels=_CHANNELS,
        classes=CLASSES,
        cases=tuple(
            Case(
                name,
                name,
                VolumeFiles((images[name],), (masks[name],), _CHANNELS, _VALUES, "MR"),
                groups.get(name),
            )
            for name in names
        ),
        modality="MR",
        problems=unpaired(images, masks),
        citation=CITATION,
    )


def _files(path: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Images and masks by name."""
    found = volumes_in(path)
    images, masks = (
        {name.removesuffix(ending): file for name, file in found.items() if name.endswith(ending)}
        for ending in ("_img", "_mask")
    )
    return images, masks


def _groups(path: Path) -> dict[str, Group]:
    """Parts by the names of the images; none without the file."""
    if not path.is_file():
        return {}
    of_institution: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, institution = line.strip().partition(" ")
        of_institution.setdefault(institution.strip(), []).append(name)
    groups: dict[str, Group] = {}
    for names in of_institution.values():
        first_test = max(_FOR_VALIDATION, len(names) * 3 // 4 - _FOR_VALIDATION)
        groups |= dict.fromkeys(names[:_FOR_VALIDATION], "validation")
        groups |= dict.fromkeys(names[_FOR_VALIDATION:first_test], "train")
        groups |= dict.fromkeys(names[first_test:], "test")
    return groups
