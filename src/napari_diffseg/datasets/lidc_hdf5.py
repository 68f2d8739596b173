"""LIDC-IDRI in HDF5: a group each for training, validation and test, in three ways of holding its crops.

    train, val, test    images (N, H, W), labels (N, H, W, 4), uids (N,)       as PHiSeg has them
    train, val, test    the same with labels (N, 4, H, W)                      as CCDM has them
    train_more          further patients for training, packed (`PackedCrops`)

A patient is the one of index.csv beside the files, or of train_more; a series of neither counts as a patient,
and its pixels as 1 mm. Files are opened anew for every crop, so that no process keeps one open.

Source:
    Baumgartner et al., PHiSeg, MICCAI 2019, data/lidc_data_loader.py; Zbinden et al., CCDM, ICCV 2023,
    datasets/lidc.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari_diffseg.datasets import lidc
from napari_diffseg.datasets.case import Case, Group, LabelledScan
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.hdf5_file import group_in, opened
from napari_diffseg.datasets.lidc_crops import crops_of
from napari_diffseg.datasets.lidc_series import INDEX, Series, read_index, uid_text
from napari_diffseg.errors import DatasetError

TITLE = "LIDC crops in HDF5 (PHiSeg, CCDM)"
EXPECTS = "a file data_lidc.hdf5 with the groups train, val and test, or a folder of such files"

_GROUPS: dict[str, Group] = {"train": "train", "val": "validation", "test": "test", "train_more": "train"}
_ENDINGS = (".hdf5", ".h5")


@dataclass(frozen=True, slots=True)
class _Listed:
    """A group of a file: the series of each crop, and what it tells of these."""

    file: Path
    group: str
    uids: tuple[str, ...]
    series: dict[str, Series]


def recognises(path: Path) -> bool:
    """Whether a file ends as HDF5 does, or a folder holds some that are named after LIDC."""
    return bool(lidc.files(path, _ENDINGS))


def read(path: Path) -> Dataset:
    """A case for each crop of the file, or of all files of the folder.

    Raises:
        DatasetError: a file is damaged or not of this form, or two hold the same group.
    """
    files = lidc.files(path, _ENDINGS)
    listed = [found for file in files for found in _listed(file)]
    known = _index(files)
    for found in listed:
        known = found.series | known
    _check_groups(listed)
    return lidc.crops(path, TITLE, [case for found in listed for case in _cases(found, known)])


def _index(files: list[Path]) -> dict[str, Series]:
    table = files[0].parent / INDEX
    return read_index(table) if table.is_file() else {}


def _listed(file: Path) -> list[_Listed]:
    with opened(file) as content:
        groups = {name: group for name in _GROUPS if (group := group_in(content, name)) is not None}
        if not groups:
            raise DatasetError(
                f"{file.name} has none of the groups {', '.join(_GROUPS)}. Choose a file of LIDC crops "
                "as PHiSeg or CCDM read them."
            )
        found = {name: crops_of(group) for name, group in groups.items()}
        return [
            _Listed(file, name, tuple(map(uid_text, crops.uids[:].tolist())), crops.series())
            for name, crops in found.items()
        ]


def _check_groups(listed: list[_Listed]) -> None:
    first: dict[str, Path] = {}
    for found in listed:
        other = first.setdefault(found.group, found.file)
        if other != found.file:
            raise DatasetError(
                f"{other.name} and {found.file.name} both hold a group {found.group}. "
                "Choose one of the two files."
            )


def _cases(listed: _Listed, known: dict[str, Series]) -> Iterator[Case]:
    for row, uid in enumerate(listed.uids):
        name = f"{listed.group}-{row:05d}"
        series = known.get(uid, Series(uid))
        source = partial(_read_crop, listed.file, listed.group, row, series.spacing_mm)
        yield Case(name, series.patient, source, _GROUPS[listed.group])


def _read_crop(file: Path, group: str, row: int, spacing_mm: float) -> LabelledScan:
    with opened(file) as content:
        found = group_in(content, group)
        if found is None:
            raise DatasetError(f"{file.name} has lost its group {group}. Open the data set again.")
        pixels, masks = crops_of(found).read(row)
    return lidc.labelled(f"{group}-{row:05d}", pixels, masks, (spacing_mm, spacing_mm))
