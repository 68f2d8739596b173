"""What the reading sessions of a file marked, as masks and lesions on a scan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.lesion import FIRST_POINT, Lesion
from napari_diffseg.raters.lidc.grouping import Outlined, groups
from napari_diffseg.raters.lidc.message import Nodule, Pixel, ReadingSession, ReadMessage, Roi
from napari_diffseg.raters.lidc.outline import mask_of
from napari_diffseg.raters.lidc.series import slice_at
from napari_diffseg.raters.lidc_form import LIDC_FORM
from napari_diffseg.volume import Origin, Scan, Shape
from napari_diffseg.volume.orientation import to_display
from napari_diffseg.volume.wording import times

_FIRST_OUTLINED = 2  # of a project with one class
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What one reading session marked.

    Args:
        mask: in display order; a nodule's voxels hold its number.
        lesions: nodules with outlines, numbered alike in all sessions that drew the same one, then points.
        notes: what could not be kept, a sentence each.
    """

    mask: UInt8[np.ndarray, "D H W"]
    lesions: tuple[Lesion, ...]
    notes: tuple[str, ...]


def marks_of(message: ReadMessage, scan: Scan) -> tuple[Marks, ...]:
    """The marks of each reading session, in the order of the file.

    Args:
        message: of the scan's series.
        scan: whose axes in the file are column, row and slice.

    Raises:
        RaterProjectError: a mark lies outside the scan, or there are more than 254 nodules.
    """
    origin = _origin(scan)
    outlined = [
        (reader, nodule, _voxels(nodule, origin))
        for reader, session in enumerate(message.sessions)
        for nodule in session.nodules
        if not nodule.is_point
    ]
    numbers = groups([Outlined(reader, voxels) for reader, _, voxels in outlined])
    if max(numbers, default=0) + _FIRST_OUTLINED >= FIRST_POINT:
        raise RaterProjectError(
            f"{origin.name} has {max(numbers) + 1} nodules with outlines, where "
            f"{FIRST_POINT - _FIRST_OUTLINED} are possible. Leave the file out."
        )
    points = iter(range(FIRST_POINT, 2**31))
    found = []
    for reader, session in enumerate(message.sessions):
        own = [
            (number + _FIRST_OUTLINED, nodule, voxels)
            for number, (drawn_by, nodule, voxels) in zip(numbers, outlined, strict=True)
            if drawn_by == reader
        ]
        mask, unkept = _painted(own, origin)
        rated = [_rated(number, nodule) for number, nodule, _ in own]
        lesions = (*(lesion for lesion, _ in rated), *_points(session, scan, points))
        found.append(Marks(mask, lesions, (*unkept, *(note for _, notes in rated for note in notes))))
    return tuple(found)


def _origin(scan: Scan) -> Origin:
    if scan.origin is None:
        raise RaterProjectError(
            "The scan was made in memory, so its slices have no order. Read it from a file."
        )
    return scan.origin


def _voxels(nodule: Nodule, origin: Origin) -> Int64[np.ndarray, " n"]:
    """The nodule's voxels, by their place in the flattened (slice, row, column)."""
    columns, rows, _ = origin.shape
    on_slice: dict[int, list[Roi]] = {}
    for roi in nodule.rois:
        on_slice.setdefault(slice_at(origin, roi.z_mm), []).append(roi)
    planes = [
        np.flatnonzero(mask_of(rois, (rows, columns))) + number * rows * columns
        for number, rois in sorted(on_slice.items())
    ]
    return np.concatenate(planes).astype(np.int64)


def _painted(
    nodules: Iterable[tuple[int, Nodule, Int64[np.ndarray, " _"]]], origin: Origin
) -> tuple[UInt8[np.ndarray, "D H W"], list[str]]:
    columns, rows, slices = origin.shape
    flat = np.zeros(slices * rows * columns, dtype=np.uint8)
    notes = []
    for number, nodule, voxels in nodules:
        free = voxels[flat[voxels] == 0]
        flat[free] = number
        if not len(voxels):
            notes.append(f"The outlines of {_called(nodule)} enclose no pixel.")
        elif len(free) < len(voxels):
            notes.append(
                f"{len(voxels) - len(free)} of the {len(voxels)} voxels of {_called(nodule)} lie in another "
                "nodule of the session and are counted there."
            )
    stored = flat.reshape(slices, rows, columns).transpose(2, 1, 0)
    return to_display(stored, origin.affine), notes


def _rated(number: int, nodule: Nodule) -> tuple[Lesion, list[str]]:
    scales = {field.name: {grade.value for grade in field.scale} for field in LIDC_FORM.fields}
    ratings, notes = {}, []
    for name, value in nodule.characteristics:
        if value in scales.get(name, ()):
            ratings[name] = value
        else:
            notes.append(
                f"{_called(nodule)} has the rating {name[:_LONGEST_ID]} {value}, which is on no scale of "
                "LIDC-IDRI's and was left out."
            )
    return Lesion(number=number, kind="nodule", ratings=ratings, note=_called(nodule)), notes


def _points(session: ReadingSession, scan: Scan, numbers: Iterator[int]) -> Iterator[Lesion]:
    for nodule in session.nodules:
        if nodule.is_point:
            (roi,) = nodule.rois
            voxel = _voxel(roi.edge_map[0], roi.z_mm, scan)
            yield Lesion(number=next(numbers), kind="small nodule", voxel=voxel, note=_called(nodule))
    for mark in session.non_nodules:
        voxel = _voxel(mark.locus, mark.z_mm, scan)
        yield Lesion(
            number=next(numbers), kind="non-nodule", voxel=voxel, note=mark.non_nodule_id[:_LONGEST_ID]
        )


def _called(nodule: Nodule) -> str:
    return nodule.nodule_id[:_LONGEST_ID]


def _voxel(pixel: Pixel, z_mm: float, scan: Scan) -> Shape:
    """A point's place in display order."""
    origin = _origin(scan)
    stored = (*pixel, slice_at(origin, z_mm))
    if any(at >= n for at, n in zip(stored, origin.shape, strict=True)):
        raise RaterProjectError(
            f"A point lies at column {pixel[0]} and row {pixel[1]} of a slice that has "
            f"{times(origin.shape[:2])} pixels. Choose the CT series that the XML names."
        )
    shown = np.linalg.inv(scan.grid.affine) @ origin.affine @ (*stored, 1)
    d, h, w = (int(at) for at in np.rint(shown[:3]))
    return d, h, w
