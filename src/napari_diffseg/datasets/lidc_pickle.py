"""LIDC-IDRI as one pickle, the form that S. Knegt prepared for the probabilistic U-Net in PyTorch.

    {key: {"image": (H, W) array, "masks": [four (H, W) arrays], "series_uid": ..., "pixel_spacing": ...}}

It is never unpickled, but read as data: the classes of pydicom that stand in the authors' file are words, and
any other but NumPy's is refused. A series counts as a patient. A pixel without spacing measures 1 mm. The
file is held in memory as long as its cases, and twice while it is read.

Source:
    github.com/stefanknegt/Probabilistic-Unet-Pytorch, load_LIDC_data.py.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from jaxtyping import Real

from napari_diffseg.checkpoints.official.pickles import RefusedNameError, StandIn, read_pickle, shown
from napari_diffseg.datasets import lidc
from napari_diffseg.datasets.case import Case, LabelledScan
from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.image import UNKNOWN_MM, PixelSpacing
from napari_diffseg.datasets.pickled_numpy import NUMPY_NAMES, pickled_image, pickled_number
from napari_diffseg.errors import CheckpointError, DatasetError
from napari_diffseg.io.stored import SPACING_RANGE_MM

TITLE = "LIDC crops in a pickle (Knegt)"
EXPECTS = "a file data_lidc.pickle, or the folder that holds it"

_DICOM_NAMES = frozenset(
    f"{package}.{name}"
    for package in ("pydicom", "dicom")  # the package's name before version 1
    for name in (
        "UID.UID",
        "uid.UID",
        "multival.MultiValue",
        "valuerep.DS",
        "valuerep.DSfloat",
        "valuerep.DSdecimal",
        "valuerep.IS",
    )
)
_ENDINGS = (".pickle", ".pkl")


def recognises(path: Path) -> bool:
    """Whether a file ends as a pickle does, or a folder holds one that is named after LIDC."""
    return len(lidc.files(path, _ENDINGS)) == 1


def read(path: Path) -> Dataset:
    """A case for each entry of the dictionary; entries of another form are problems.

    Raises:
        DatasetError: the file cannot be read or does not fit into memory, is damaged, holds a name that no
            such file needs, or holds no entry of this form.
    """
    (file,) = lidc.files(path, _ENDINGS)
    entries = _content(file)
    if not isinstance(entries, dict):
        raise DatasetError(
            f"{file.name} holds no dictionary of crops. Choose the pickle that is prepared for the "
            "probabilistic U-Net."
        )
    cases: list[Case] = []
    problems: list[Problem] = []
    for key, entry in entries.items():
        name = shown(key) if isinstance(key, str) else f"of a key of type {type(key).__name__}"
        try:
            _check_name(key, name)
            cases.append(_case(name, entry))
        except DatasetError as error:
            problems.append(Problem(name, str(error)))
    return lidc.crops(path, TITLE, cases, problems)


def _content(file: Path) -> Any:
    try:
        _check_memory(file)
        return read_pickle(file.read_bytes(), NUMPY_NAMES | _DICOM_NAMES, file.name)
    except OSError as error:
        raise DatasetError(f"{file.name} cannot be read: {error.strerror}. Choose another file.") from error
    except RefusedNameError as error:
        raise DatasetError(
            f"{file.name} asks for “{shown(error.name)}”, which no pickle of LIDC crops needs. Nothing of it "
            "was run; get the file from its authors again."
        ) from error
    except CheckpointError as error:
        raise DatasetError(str(error)) from error


def _check_memory(file: Path) -> None:
    needed, free = 2 * file.stat().st_size, psutil.virtual_memory().available
    if needed > free:
        raise DatasetError(
            f"{file.name} needs {needed / 2**30:.1f} GiB of memory while it is read and "
            f"{free / 2**30:.1f} GiB is free. Close other programs, or use the crops as HDF5."
        )


def _check_name(key: object, name: str) -> None:
    if key != name:  # no text, or a very long one, or one of more than a line
        raise DatasetError(f"Entry {name} has no plain name of at most 200 letters. Give it one.")


def _case(name: str, entry: Any) -> Case:
    match entry:
        case {"image": image, "masks": list(masks), "series_uid": uid, **others} if (
            len(masks) == lidc.READERS
        ):
            arrays = [pickled_image(value) for value in (image, *masks)]
            found = [array for array in arrays if array is not None]
            if len(found) == len(arrays):
                spacing_mm = _spacing_mm(name, others.get("pixel_spacing"))
                return Case(name, _text(name, uid), partial(_read_crop, name, found, spacing_mm))
    raise DatasetError(
        f"Entry {name} is not made of image, {lidc.READERS} masks and series_uid, with arrays of two axes. "
        "Leave it out, or get the file from its authors again."
    )


def _read_crop(name: str, arrays: list[Real[np.ndarray, "_ _"]], spacing_mm: PixelSpacing) -> LabelledScan:
    pixels, *masks = (array.astype(array.dtype.newbyteorder("=")) for array in arrays)  # writable
    return lidc.labelled(name, pixels, masks, spacing_mm)


def _text(name: str, value: Any) -> str:
    match value:
        case str(text) | StandIn(args=(str(text),)) if text:
            return shown(text)
    raise DatasetError(f"Entry {name} has no series_uid in text, so its patient is unknown. Leave it out.")


def _spacing_mm(name: str, value: Any) -> PixelSpacing:
    if value is None:
        return UNKNOWN_MM
    match value:
        case [first, second] | StandIn(state={"_list": [first, second]}) | StandIn(elements=[first, second]):
            row_mm, column_mm = _number(first), _number(second)
        case _:
            row_mm = column_mm = _number(value)
    least, most = SPACING_RANGE_MM
    if not (least <= row_mm <= most and least <= column_mm <= most):
        raise DatasetError(
            f"Entry {name} has a pixel_spacing that is neither one nor two numbers from {least:g} to "
            f"{most:g} mm. Leave it out, or correct it."
        )
    return row_mm, column_mm


def _number(value: Any) -> float:
    """A number, also one of NumPy's or pydicom's classes; not a number for all else."""
    match value:
        case StandIn(args=(int() | float() | str() as inner, *_)):
            value = inner
        case StandIn():
            value = pickled_number(value)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
