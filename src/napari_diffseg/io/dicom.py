"""One DICOM series as a scan: CT in Hounsfield units, anything else in its own numbers."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Iterable
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813 (its own custom)
from jaxtyping import Real
from pydicom.pixels.decoders.base import get_decoder

from napari_diffseg.errors import ScanError
from napari_diffseg.io.dicom_mark import files_below
from napari_diffseg.io.dicom_series import Series, Slice, damaged, series_of
from napari_diffseg.io.dicom_stack import stacked
from napari_diffseg.io.sequence import channel_of, modality_of
from napari_diffseg.io.stored import MOST_VOXELS, check_affine
from napari_diffseg.volume import Grid, Origin, Scan
from napari_diffseg.volume.orientation import display_affine, to_display
from napari_diffseg.volume.wording import times

_MODALITIES = ("CT", "MR")
_MOST_FILES = 20_000
_LISTED = 5
_LARGE = 2**14  # a number of 16 bits times this, plus this, is one of 32


def read_dicom(path: Path, *, channel: str | None = None) -> Scan:
    """The scan in a folder of one series, or the one that a file is a slice of.

    Args:
        path: a folder, which may hold others; files of other kinds, localisers and segmentations in it are
            passed over. Or one file of a series, to choose among several in a folder.
        channel: its name; None takes it from the folder's name, or "image".

    Returns:
        As `read_series`, named after the folder.

    Raises:
        ScanError: there is no series of plain slices or more than one, there are more than 20,000 files, or
            as `read_series`.
    """
    folder, wanted = (path, "") if path.is_dir() else (path.parent, _uid(path))
    files = list(islice(files_below(path) if path.is_dir() else _siblings(path), _MOST_FILES + 1))
    if len(files) > _MOST_FILES:
        raise ScanError(
            f"{folder.name} holds more than {_MOST_FILES} files. Choose the folder of one series."
        )
    found = series_of(files)
    if wanted:
        return read_series(folder.name, next(s for s in found if s.uid == wanted), channel=channel)
    return read_series(folder.name, _only(folder.name, found), channel=channel)


def read_series(name: str, series: Series, *, channel: str | None = None) -> Scan:
    """The scan that a series' slices make up.

    Args:
        name: of the scan; never one of a patient.
        series: of evenly spaced slices in one direction.
        channel: its name; None takes it from `name`, or "image".

    Returns:
        Data (1, D, H, W): rescaled as each file says, so HU for a CT; int16 where the numbers are whole
        and fit, otherwise int32 or float32. The origin's checksum is of all files in the slices' order.

    Raises:
        ScanError: a file is damaged, slices are missing, differ in direction or size, lie in one place, or
            it is no scan of plain slices, has too many voxels, or an impossible voxel size.
    """
    slices, affine = stacked(name, series)
    columns, rows = next(part.plane.shape for part in slices if part.plane is not None)
    shape = columns, rows, len(slices)
    if math.prod(shape) > MOST_VOXELS:
        raise ScanError(f"{name} has {times(shape)} voxels, more than 2³¹. Crop or resample it first.")
    check_affine(name, affine)
    voxels, sha256 = _voxels(slices, (rows, columns))
    channel = channel_of(name) if channel is None else channel
    modality = series.modality if series.modality in _MODALITIES else modality_of(channel)
    origin = Origin(name, shape, affine, sha256=sha256)
    data = to_display(voxels[np.newaxis], affine)
    _, d, h, w = data.shape
    return Scan(data, Grid((d, h, w), display_affine(affine, shape)), (channel,), modality, origin)


def _siblings(path: Path) -> list[Path]:
    return sorted(other for other in path.parent.iterdir() if other.is_file())


def _uid(path: Path) -> str:
    found = series_of([path])
    if not found:
        raise ScanError(f"{path.name} is a DICOM file without an image. Choose a slice of a scan.")
    return found[0].uid


def _only(name: str, found: tuple[Series, ...]) -> Series:
    fit = [series for series in found if not series.unfit] or list(found)
    if len(fit) == 1:
        return fit[0]
    if not fit:
        raise ScanError(f"{name} holds no DICOM slices. Choose the folder that they lie in.")
    listed = "; ".join(
        f"{len(series.slices)} slices of {series.modality or 'unknown kind'}, {series.slices[0].path.name}"
        for series in fit[:_LISTED]
    )
    raise ScanError(
        f"{name} holds {len(fit)} series ({listed}{'; …' if len(fit) > _LISTED else ''}), where one is "
        "needed. Open a file of the one that you want: all of its series comes with it."
    )


def _voxels(slices: Iterable[Slice], shape: tuple[int, int]) -> tuple[Real[np.ndarray, "i j k"], str]:
    """The slices' pixels by column, row and slice, and the checksum of all files."""
    checksum = hashlib.sha256()
    pixels = []
    for part in slices:
        try:
            content = part.path.read_bytes()
        except OSError as error:
            raise damaged(part.path, error) from error
        checksum.update(content)
        pixels.append(_pixels(part.path, content, shape))
    return _whole_where_whole(np.stack(pixels)).transpose(2, 1, 0), checksum.hexdigest()


def _pixels(path: Path, content: bytes, shape: tuple[int, int]) -> Real[np.ndarray, "rows columns"]:
    """One slice, rescaled; ITK for the packings that pydicom cannot undo by itself."""
    try:
        with warnings.catch_warnings(action="ignore"):
            header = pydicom.dcmread(BytesIO(content))
            if get_decoder(header.file_meta.TransferSyntaxUID).is_available:
                pixels = _rescaled(header.pixel_array, header)
            else:
                pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]
    except MemoryError as error:
        raise ScanError(f"{path.name} does not fit into memory. Close other programs.") from error
    except Exception as error:
        raise damaged(path, error) from error
    if pixels.shape != shape:
        raise ScanError(
            f"{path.name} holds {times(pixels.shape)} pixels, where its header says {times(shape)}. "
            "Copy it again from its source."
        )
    return pixels


def _rescaled(stored: Real[np.ndarray, "*axes"], header: Any) -> Real[np.ndarray, "*axes"]:
    slope, intercept = float(header.get("RescaleSlope", 1)), float(header.get("RescaleIntercept", 0))
    if (slope, intercept) == (1, 0):
        return stored
    whole = slope.is_integer() and intercept.is_integer() and stored.dtype.kind in "ui"
    if whole and stored.dtype.itemsize <= 2 and max(abs(slope), abs(intercept)) < _LARGE:
        return stored.astype(np.int32) * int(slope) + int(intercept)
    return (stored * slope + intercept).astype(np.float32)


def _whole_where_whole(values: Real[np.ndarray, "*axes"]) -> Real[np.ndarray, "*axes"]:
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    least, most = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    fits = least <= values.min() and values.max() <= most
    return values.astype(np.int16 if fits else np.int32)
