"""LIDC-IDRI as JPEG crops, the form in which the code of CIMD keeps it.

    data/training/12/image_13.jpg
    data/training/12/label0_.jpg      to label3_.jpg
    data/testing/...

JPEG blurs the masks: what is 128 or more is nodule. The files tell neither how large a pixel is, 1 mm is
taken, nor whose it is, so every crop counts as a patient and a validation set drawn from the training one
will share patients with it.

Source:
    Rahman et al., Ambiguous Medical Image Segmentation using Diffusion Models, CVPR 2023, arXiv:2304.04745.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari_diffseg.datasets import lidc
from napari_diffseg.datasets.case import Case, Group, LabelledScan
from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.image import read_grey

TITLE = "LIDC crops in JPEG folders (CIMD)"
EXPECTS = "training/<n>/ and testing/<n>/ with image_<n + 1>.jpg and label0_.jpg to label3_.jpg"

_GROUPS: dict[str, Group] = {"training": "train", "testing": "test"}
_LABELS = tuple(f"label{reader}_.jpg" for reader in range(lidc.READERS))
_NODULE_FROM = 128


def recognises(path: Path) -> bool:
    """Whether a folder, or its folder data, holds numbered folders with an image and a label."""
    root = _root(path)
    return any(
        any(True for _ in label.parent.glob("image_*.jpg"))
        for part in _GROUPS
        for label in root.glob(f"{part}/*/{_LABELS[0]}")
    )


def read(path: Path) -> Dataset:
    """A case for each numbered folder; one that lacks a file is a problem.

    Raises:
        DatasetError: no folder has all its files.
    """
    cases: list[Case] = []
    problems: list[Problem] = []
    for part, group in _GROUPS.items():
        for folder in sorted(_root(path).glob(f"{part}/[0-9]*")):
            name = f"{part}-{folder.name}"
            images = sorted(folder.glob("image_*.jpg"))
            missing = [label for label in _LABELS if not (folder / label).is_file()]
            if len(images) == 1 and not missing:
                cases.append(Case(name, name, partial(_read_crop, images[0], name), group))
            else:
                problems.append(Problem(name, _told(name, len(images), missing)))
    return lidc.crops(path, TITLE, cases, problems)


def _root(path: Path) -> Path:
    below = path / "data"
    return below if (below / "training").is_dir() else path


def _told(name: str, images: int, missing: list[str]) -> str:
    lacking = f" and no {' or '.join(missing)}" if missing else ""
    return (
        f"Folder {name} holds {images} files image_<n>.jpg where one is needed{lacking}. "
        "Complete it, or leave it out."
    )


def _read_crop(image: Path, name: str) -> LabelledScan:
    pixels = read_grey(image, f"{image.name} of {name}")
    masks = [read_grey(image.parent / label, f"{label} of {name}") >= _NODULE_FROM for label in _LABELS]
    return lidc.labelled(name, pixels, masks)
