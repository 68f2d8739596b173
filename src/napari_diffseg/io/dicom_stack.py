"""A DICOM series' slices as one volume: their order, and where its voxels lie."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from napari_diffseg.errors import ScanError
from napari_diffseg.io.dicom_series import Plane, Series, Slice
from napari_diffseg.volume.wording import times

_UNEVEN = 0.1  # of the distance between slices
_CONVERT = "Convert it to NIfTI with a program that knows such files, or choose another series."


def stacked(name: str, series: Series) -> tuple[tuple[Slice, ...], Float64[np.ndarray, "4 4"]]:
    """A series' slices in the order of their places, and where their voxels lie.

    Args:
        name: what the series is called in messages.
        series: to read as one volume.

    Returns:
        The slices, and the affine from (column, row, slice) to RAS+ millimetres; sheared when the
        scanner was tilted.

    Raises:
        ScanError: it is no scan, its slices differ in direction or size, two lie in one place, or they are
            not evenly apart, as when one is missing.
    """
    if series.unfit:
        raise ScanError(f"{name} {series.unfit}, where a scan of plain slices is needed. {_CONVERT}")
    planes = [part.plane for part in series.slices if part.plane is not None]
    first = planes[0]
    if not all(plane.turned_like(first) for plane in planes):
        raise ScanError(f"{name} holds slices of several directions in one series. {_CONVERT}")
    odd = next((plane for plane in planes if not plane.sized_like(first)), None)
    if odd is not None:
        raise ScanError(
            f"{name} holds slices of {times(first.shape)} and of {times(odd.shape)} pixels, or pixels of "
            f"several sizes, in one series. {_CONVERT}"
        )
    places = np.array([plane.position for plane in planes])
    order = np.argsort(places @ first.normal, kind="stable")
    step = _step(name, places[order], first.normal, series.slices[0].thickness_mm)
    return tuple(series.slices[number] for number in order), _affine(first, places[order[0]], step)


def _step(
    name: str,
    places: Float64[np.ndarray, "slice 3"],
    normal: Float64[np.ndarray, " 3"],
    thickness_mm: float,
) -> Float64[np.ndarray, " 3"]:
    """From one slice to the next."""
    if len(places) == 1:
        return normal * (thickness_mm or 1.0)
    step = np.asarray((places[-1] - places[0]) / (len(places) - 1))
    gaps = np.diff(places @ normal)
    if gaps.min() < 1e-3:
        raise ScanError(
            f"{name} holds two slices in one place, as of several times or copied twice. {_CONVERT}"
        )
    even = places[0] + np.arange(len(places))[:, np.newaxis] * step
    if np.linalg.norm(places - even, axis=1).max() > _UNEVEN * np.median(gaps):
        raise ScanError(
            f"{name} has gaps of {gaps.min():.6g} to {gaps.max():.6g} mm between its {len(places)} slices, "
            "where they should be even. Copy the missing slices from their source."
        )
    return step


def _affine(
    plane: Plane, position: Float64[np.ndarray, " 3"], step: Float64[np.ndarray, " 3"]
) -> Float64[np.ndarray, "4 4"]:
    along_row, along_column = plane.edge_mm
    lps = np.eye(4)
    lps[:3, 0] = np.multiply(plane.along_row, along_row)
    lps[:3, 1] = np.multiply(plane.along_column, along_column)
    lps[:3, 2], lps[:3, 3] = step, position
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps
