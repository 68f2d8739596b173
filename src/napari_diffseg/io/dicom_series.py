"""DICOM files by series, and where each slice lies, from their headers alone.

Of a header only what is needed here is read: nothing that names a patient.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from jaxtyping import Float64
from pydicom.errors import InvalidDicomError

from napari_diffseg.errors import ScanError
from napari_diffseg.io.dicom_mark import has_mark

_TAGS = [
    "SeriesInstanceUID",
    "Modality",
    "ImageType",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
]
_ALIKE = 1e-4  # for direction cosines, and for pixel edges in mm

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Plane:
    """Where one slice lies, as its header says, in LPS+ millimetres.

    Args:
        shape: columns and rows.
        position: middle of the first pixel.
        along_row: direction in which the column grows.
        along_column: direction in which the row grows.
        edge_mm: of a pixel, along a row (from column to column) and along a column.
    """

    shape: tuple[int, int]
    position: Triple
    along_row: Triple
    along_column: Triple
    edge_mm: tuple[float, float]

    @property
    def normal(self) -> Float64[np.ndarray, " 3"]:
        """Upright on the slice."""
        return np.cross(self.along_row, self.along_column)

    def turned_like(self, other: Plane) -> bool:
        """Whether both have one direction."""
        mine, theirs = (plane.along_row + plane.along_column for plane in (self, other))
        return bool(np.allclose(mine, theirs, rtol=0, atol=_ALIKE))

    def sized_like(self, other: Plane) -> bool:
        """Whether both have one shape and one size of pixels."""
        alike = np.allclose(self.edge_mm, other.edge_mm, rtol=0, atol=_ALIKE)
        return self.shape == other.shape and bool(alike)


@dataclass(frozen=True, slots=True)
class Slice:
    """One file of a series.

    Args:
        path: of the file.
        plane: where it lies; None where `unfit` says why it is no slice of a scan.
        thickness_mm: 0 when the header does not say.
        unfit: "is a localiser" and the like; empty for a slice of a scan.
    """

    path: Path
    plane: Plane | None
    thickness_mm: float
    unfit: str


@dataclass(frozen=True, slots=True)
class Series:
    """The files of one series, in no order."""

    uid: str
    modality: str
    slices: tuple[Slice, ...]

    @property
    def unfit(self) -> str:
        """Why no scan can be made of it: what its first unfit file is; empty when none is."""
        return next((part.unfit for part in self.slices if part.unfit), "")


def series_of(paths: Iterable[Path]) -> tuple[Series, ...]:
    """The series that files belong to, by uid; files that are not DICOM, or no images, are passed over.

    Raises:
        ScanError: a DICOM file has a damaged header.
    """
    found: dict[str, list[Slice]] = defaultdict(list)
    modality: dict[str, str] = {}
    for told in map(_told, filter(has_mark, paths)):
        if told is not None:
            uid, modality_of_file, part = told
            found[uid].append(part)
            modality[uid] = modality_of_file
    return tuple(Series(uid, modality[uid], tuple(found[uid])) for uid in sorted(found))


def damaged(path: Path, error: Exception) -> ScanError:
    """What to say of a DICOM file that pydicom or ITK gave up on."""
    first = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")[:200]
    return ScanError(f"{path.name} is a damaged DICOM file ({first}). Copy it again from its source.")


def _told(path: Path) -> tuple[str, str, Slice] | None:
    """Series, modality and slice of a file; None for one without an image, or that only begins like DICOM."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of values that break the standard, not of use here
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
            if not header.get("Rows"):
                return None
            unfit = _unfit(header)
            plane = None if unfit else _plane(header)
            part = Slice(path, plane, float(header.get("SliceThickness") or 0), unfit)
            return str(header.get("SeriesInstanceUID", "")), str(header.get("Modality", "")), part
    except InvalidDicomError:
        return None
    except Exception as error:  # pydicom meets a stranger's bytes with whatever comes first
        raise damaged(path, error) from error


def _unfit(header: Any) -> str:
    if "LOCALIZER" in (header.get("ImageType") or ()):
        return "is a localiser"
    if int(header.get("NumberOfFrames") or 1) > 1:
        return f"holds {header.NumberOfFrames} frames in one file"
    if int(header.get("SamplesPerPixel") or 1) > 1:
        return "holds colours"
    if not all(
        header.get(name) for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    ):
        return "does not say where it lies in the patient"
    return ""


def _plane(header: Any) -> Plane:
    x, y, z = map(float, header.ImagePositionPatient)
    a, b, c, d, e, f = map(float, header.ImageOrientationPatient)
    between_rows, between_columns = map(float, header.PixelSpacing)
    shape = int(header.Columns), int(header.Rows)
    return Plane(shape, (x, y, z), (a, b, c), (d, e, f), (between_columns, between_rows))
