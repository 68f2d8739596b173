"""A rater's mask as a DICOM segmentation that refers to the scan's own series."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pydicom
from jaxtyping import Float64, UInt

from napari_diffseg.errors import RaterProjectError, ScanError
from napari_diffseg.io.atomic import replacing
from napari_diffseg.io.dicom_mark import files_below
from napari_diffseg.io.dicom_series import Series, Slice, series_of
from napari_diffseg.io.dicom_stack import stacked
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume.grid import Grid
from napari_diffseg.volume.label_map import LabelMap
from napari_diffseg.volume.orientation import display_affine, from_display, to_display

_SERIES_NUMBER = 900  # above those that scanners give
_TISSUE = ("85756007", "SCT", "Tissue")  # as general as the standard's words get; the label says what it is
_LONGEST = 64
_NAMING = (
    "PatientName", "PatientBirthDate", "ReferringPhysicianName", "InstitutionName", "OtherPatientNames",
    "PatientAddress", "PatientTelephoneNumbers", "OperatorsName", "PerformingPhysicianName",
)  # fmt: skip
_MAY_LACK = ("AccessionNumber", "PatientID", "PatientSex", "StudyDate", "StudyID", "StudyTime")


def write_dicom_seg(
    path: Path,
    mask: LabelMap,
    series: Iterable[Series],
    *,
    classes: Sequence[ClassInfo],
    rater: str,
) -> None:
    """Write a mask as a DICOM segmentation, a segment a class.

    Patient's and physicians' names and the date of birth are left empty; the patient's id and the series it
    is of stay, since a segmentation belongs to nothing without them.

    Args:
        path: ends in .dcm; its folder is there, an old file is replaced.
        mask: on the grid of one of the series; label k is the k-th class.
        series: from `series_below`.
        classes: names and colours.
        rater: what they are called in the file.

    Raises:
        RaterProjectError: highdicom is not installed, no series lies on the mask's grid, or the file cannot
            be written.
        ScanError: a DICOM file is damaged.
    """
    hd = _highdicom()
    slices, affine = _source_of(mask.grid, series)
    in_file = from_display(mask.data, affine).transpose(2, 1, 0)  # slice, row, column
    try:
        # warnings are of values in the source that break the standard
        with warnings.catch_warnings(action="ignore"), replacing(path) as partial:
            headers = [_header(part.path) for part in slices]
            _segmentation(hd, headers, in_file, classes, rater).save_as(partial)
    except OSError as error:
        raise RaterProjectError(
            f"{path} could not be written ({error.strerror or error}). Free some disk space or choose "
            "another folder."
        ) from error
    except (AttributeError, TypeError, ValueError) as error:  # highdicom, at a source it cannot refer to
        raise RaterProjectError(
            f"No DICOM segmentation can be made for the series of {slices[0].path} ({error}). "
            "Export NIfTI instead."
        ) from error


def series_below(folder: Path) -> tuple[Series, ...]:
    """The series that masks may lie on.

    Args:
        folder: of DICOM files, however deep.

    Raises:
        RaterProjectError: there is no such folder, or highdicom is not installed and looking of no use.
        ScanError: a DICOM file is damaged.
    """
    _highdicom()
    if not folder.is_dir():
        raise RaterProjectError(f"There is no folder {folder}. Choose the one with the cases' DICOM files.")
    return series_of(files_below(folder))


def _highdicom() -> ModuleType:
    try:
        import highdicom
    except ImportError as error:
        raise RaterProjectError(
            "DICOM segmentations are written with highdicom, which is not installed. Install it with: "
            'pip install "napari-diffseg[dicom-seg]"'
        ) from error
    return highdicom


def _source_of(grid: Grid, series: Iterable[Series]) -> tuple[tuple[Slice, ...], Float64[np.ndarray, "4 4"]]:
    """The slices of the series that lies on the grid, and from (column, row, slice) to millimetres."""
    for each in series:
        try:
            slices, affine = stacked("the series", each)
        except ScanError:  # another one of the folder, which need not be a scan
            continue
        columns, rows = next(part.plane.shape for part in slices if part.plane is not None)
        shape = columns, rows, len(slices)
        d, h, w = to_display(np.broadcast_to(np.uint8(0), shape), affine).shape
        if grid.matches(Grid((d, h, w), display_affine(affine, shape))):
            return slices, affine
    raise RaterProjectError(
        "No DICOM series lies where the mask does. Choose the folder of the series that the case was made "
        "from."
    )


def _header(path: Path) -> Any:
    header = pydicom.dcmread(path, stop_before_pixels=True)
    for name in _NAMING:
        setattr(header, name, "")
    for name in _MAY_LACK:
        setattr(header, name, header.get(name, ""))
    return header


def _segmentation(
    hd: ModuleType,
    headers: Sequence[Any],
    labels: UInt[np.ndarray, "slice row column"],
    classes: Sequence[ClassInfo],
    rater: str,
) -> Any:
    made_by = version("napari-diffseg")
    return hd.seg.Segmentation(
        source_images=headers,
        pixel_array=np.where(labels <= len(classes), labels, 0).astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_described(hd, number, info) for number, info in enumerate(classes, start=1)],
        series_instance_uid=hd.UID(),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="napari-diffseg",
        manufacturer_model_name="napari-diffseg",
        software_versions=made_by,
        device_serial_number=made_by,
        content_description=_label(f"Read by {rater}"),
        content_creator_name=f"{_label(rater)}^",  # a family name alone
        omit_empty_frames=False,  # so that every program finds the whole scan's slices
        series_description=_label(f"Read by {rater}"),
    )


def _described(hd: ModuleType, number: int, info: ClassInfo) -> Any:
    tissue = hd.sr.CodedConcept(*_TISSUE)
    red, green, blue = (int(info.colour[at : at + 2], 16) for at in (1, 3, 5))
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=_label(info.name),
        segmented_property_category=tissue,
        segmented_property_type=tissue,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        display_color=hd.color.CIELabColor.from_rgb(red, green, blue),
    )


def _label(text: str) -> str:
    """As the standard's short texts are: no backslash, caret or equals sign, at most 64 characters."""
    return re.sub(r"[\\^=\s\x00-\x1f]+", " ", text)[:_LONGEST].strip() or "reader"
