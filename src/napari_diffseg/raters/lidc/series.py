"""The CT series that an annotation file names, and the slices that it speaks of."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from napari_diffseg.errors import RaterProjectError, ScanError
from napari_diffseg.io.dicom_mark import files_below
from napari_diffseg.io.dicom_series import Series, series_of
from napari_diffseg.raters.lidc.message import ReadMessage
from napari_diffseg.volume import Grid, Origin, Scan
from napari_diffseg.volume.orientation import display_affine, to_display

_PATIENT = re.compile(r"LIDC-IDRI-\d{4}")
_BARE_EDGE = 512
_UNKNOWN_MM = 1.0
_MOST_BARE_SLICES = 1024
_ONE_PLACE_MM = 0.1
_OFF_SLICE = 0.25  # of the distance between slices


def find_series(folder: Path, uids: Collection[str]) -> tuple[dict[str, Series], tuple[str, ...]]:
    """The series of these uids in a folder, however deep, as TCIA lays them out or otherwise.

    Returns:
        The series found, and a sentence for each folder that holds a damaged DICOM file.
    """
    found: dict[str, Series] = {}
    damaged: list[str] = []
    for parent, files in groupby(files_below(folder), key=lambda path: path.parent):
        try:
            listed = series_of(files)
        except ScanError as error:
            damaged.append(f"{parent.name}: {error}")
            continue
        for series in listed:
            if series.uid in uids:
                before = found[series.uid].slices if series.uid in found else ()
                found[series.uid] = Series(series.uid, series.modality, before + series.slices)
    return found, tuple(damaged)


def patient_of(series: Series) -> str:
    """LIDC-IDRI's own number for the patient, where a folder's name tells it; otherwise empty."""
    found = (_PATIENT.fullmatch(part) for part in series.slices[0].path.parts)
    return next((match.group() for match in found if match), "")


def slice_at(origin: Origin, z_mm: float) -> int:
    """The slice of an imageZposition, from 0 in the order of the file.

    Args:
        origin: of a scan whose axes in the file are column, row and slice.
        z_mm: as written; it may be off by a quarter of the distance between slices.

    Raises:
        RaterProjectError: there is no slice.
    """
    place = (z_mm - origin.affine[2, 3]) / origin.affine[2, 2] if origin.affine[2, 2] else np.inf
    if not -0.5 < place < origin.shape[2] - 0.5 or abs(place - round(place)) > _OFF_SLICE:
        raise RaterProjectError(
            f"{origin.name} has no slice at z = {z_mm:g} mm, where an outline lies. "
            "Get the whole CT series that the XML names."
        )
    return round(place)


def bare_scan(name: str, message: ReadMessage) -> Scan:
    """Blank slices for annotations whose CT is not at hand.

    Args:
        name: of the scan.
        message: whose outlines and points the slices shall hold.

    Returns:
        Zeros (1, D, 512, 512) from the lowest mark to the highest. Slices are as far apart as the marks say;
        a pixel is taken for 1 mm, since nothing tells.

    Raises:
        RaterProjectError: there is no mark, or they would need more than 1024 slices.
    """
    lowest, step, count = _even(name, _places(message))
    affine = np.diag([-_UNKNOWN_MM, -_UNKNOWN_MM, step, 1.0])
    affine[2, 3] = lowest
    shape = (_BARE_EDGE, _BARE_EDGE, count)
    data = to_display(np.zeros((1, *reversed(shape)), dtype=np.uint8).transpose(0, 3, 2, 1), affine)
    _, d, h, w = data.shape
    grid = Grid((d, h, w), display_affine(affine, shape))
    return Scan(data, grid, modality="CT", origin=Origin(name, shape, affine))


def _places(message: ReadMessage) -> list[float]:
    outlines = (roi.z_mm for session in message.sessions for nodule in session.nodules for roi in nodule.rois)
    points = (mark.z_mm for session in message.sessions for mark in session.non_nodules)
    return sorted({*outlines, *points})


def _even(name: str, places: list[float]) -> tuple[float, float, int]:
    """Lowest place, step and number of the slices that hold all places."""
    if not places:
        raise RaterProjectError(
            f"{name} marks nothing, so nothing tells where slices lie. Get its CT series."
        )
    steps = _steps(b - a for a, b in pairwise(places))
    if steps >= _MOST_BARE_SLICES:
        raise RaterProjectError(
            f"{name} has marks from z = {places[0]:g} to {places[-1]:g} mm on more than {_MOST_BARE_SLICES} "
            "slices. Get its CT series."
        )
    return places[0], (places[-1] - places[0]) / steps if steps else _UNKNOWN_MM, steps + 1


def _steps(gaps: Iterable[float]) -> int:
    """How many steps all gaps are together, where each is a multiple of one step.

    Wide gaps are counted with what the narrower ones have told: places are rounded, and the error of one
    narrow gap would grow to whole slices along a wide one.
    """
    total, steps = 0.0, 0
    for gap in sorted(gap for gap in gaps if gap > _ONE_PLACE_MM):
        steps += round(gap * steps / total) if steps else 1
        total += gap
    return steps
