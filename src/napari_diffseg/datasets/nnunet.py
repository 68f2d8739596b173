"""The Medical Segmentation Decathlon's layout and the two of nnU-Net: a dataset.json says what is where.

    Decathlon     "training" lists image and label of each case; a 4D image holds every channel
    nnU-Net 1     the same list, while the images are stored a channel each, NAME_0000.nii.gz
    nnU-Net 2     no list: labelsTr/NAME.nii.gz goes with imagesTr/NAME_0000.nii.gz, NAME_0001.nii.gz …

Which cases are of one patient is not told, so each counts as a patient of its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from napari_diffseg.datasets.case import Case
from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.dataset_json import FILE, Description, Listed, read_description
from napari_diffseg.datasets.volumes import VolumeFiles, no_case, unpaired, volumes_in
from napari_diffseg.results.classes import named
from napari_diffseg.volume.wording import stem

TITLE = "Medical Segmentation Decathlon or nnU-Net"
EXPECTS = f"{FILE} beside imagesTr/ and labelsTr/"

_CHANNEL_ENDING = re.compile(r"_[0-9]{4}$")


def recognises(path: Path) -> bool:
    """Whether there is a dataset.json, whatever it says."""
    return (path / FILE).is_file()


def read(path: Path) -> Dataset:
    """The training cases that dataset.json lists, or that lie in labelsTr/ where it lists none.

    Raises:
        DatasetError: dataset.json is not as it should be, or there is no case.
    """
    told = read_description(path / FILE)
    found = list(_found(path, told) if told.training is None else _listed(path, told))
    cases = {item.name: item for item in found if isinstance(item, Case)}
    problems = tuple(item for item in found if isinstance(item, Problem))
    if not cases:
        raise no_case(path, EXPECTS, problems)
    return Dataset(
        root=path,
        layout=TITLE,
        channels=told.channels,
        classes=named(told.classes.values()),
        cases=tuple(cases[name] for name in sorted(cases)),
        modality=told.modality,
        problems=problems,
        licence=told.licence,
        citation=told.reference,
    )


def _listed(root: Path, told: Description) -> Iterator[Case | Problem]:
    seen: set[str] = set()
    for entry in told.training or ():
        name = stem(PurePosixPath(entry.label).name)
        if name in seen:
            yield Problem(name, f"{FILE} lists two cases of this name. Rename the files of one.")
        else:
            yield _case_listed(root, told, name, entry)
        seen.add(name)


def _case_listed(root: Path, told: Description, name: str, entry: Listed) -> Case | Problem:
    for text in (entry.image, entry.label):
        if _leaves(text):
            return Problem(
                name, f"{FILE} names “{text}”, which lies outside its folder. Move the file inside."
            )
    image, label = root / entry.image, root / entry.label
    if not os.path.isfile(label):  # False where Path.is_file raises: a name may be too long
        return Problem(name, f"There is no mask {entry.label}. Add it, or take the case out of {FILE}.")
    if os.path.isfile(image):
        return _case(told, name, (image,), label)
    return _case_of_channels(told, name, image.with_name(stem(image.name)), label)


def _found(root: Path, told: Description) -> Iterator[Case | Problem]:
    images, labels = root / "imagesTr", volumes_in(root / "labelsTr")
    stems = {_CHANNEL_ENDING.sub("", image) for image in volumes_in(images)}
    yield from unpaired(stems, labels)
    for name in sorted(stems & labels.keys()):
        yield _case_of_channels(told, name, images / name, labels[name])


def _case_of_channels(told: Description, name: str, image: Path, label: Path) -> Case | Problem:
    images = tuple(
        image.with_name(f"{image.name}_{number:04d}{told.file_ending}") for number in told.channel_numbers
    )
    missing = [image.name for image in images if not os.path.isfile(image)]
    if missing:
        return Problem(name, f"There is no image {missing[0]}. Add it, or leave the case out.")
    return _case(told, name, images, label)


def _case(told: Description, name: str, images: tuple[Path, ...], label: Path) -> Case:
    return Case(name, name, VolumeFiles(images, (label,), told.channels, tuple(told.classes), told.modality))


def _leaves(text: str) -> bool:
    """Whether a path of dataset.json is absolute, or goes up, as any system reads it."""
    return ".." in re.split(r"[\\/]", text) or bool(PurePosixPath(text).root or PureWindowsPath(text).anchor)
