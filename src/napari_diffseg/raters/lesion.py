"""One mark of a rater, and which voxels are its own.

A read has one mask of 8 bits. With n classes in the project, the values 1 to n are the classes themselves,
drawn without a lesion; every value above belongs to one lesion, whose number is that value. So the brush's
label in the viewer says which lesion grows, any tool of the viewer keeps lesions apart (also two that
touch), and painting with a number that nobody has yet makes a new lesion (see `Read.record`). The class of
a lesion stands in its `label`; `class_map` gives the mask of classes. Points own no voxels; they are
numbered from 256 on. A removed lesion stays in the list with its voxels, so that it can come back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from jaxtyping import Bool, UInt8
from pydantic import Field

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.document import Part
from napari_diffseg.raters.put_aside import PutAside
from napari_diffseg.raters.rating_form import RatingForm
from napari_diffseg.volume.grid import Shape
from napari_diffseg.volume.wording import times

LESIONS = "lesions.json"
FIRST_POINT = 256
_GREATEST = 2**31


class Lesion(Part):
    """One mark.

    Attributes:
        number: n + 1 to 255 for a lesion that owns voxels, which is their value in the mask; from 256 on
            for a point. Never given to another lesion of the read.
        kind: a name of the project's form.
        label: the class it is of, from 1.
        voxel: place of a point, (D, H, W) in display order; None for a lesion that owns voxels.
        ratings: value by the name of the form's question; open questions are not in it.
        note: the rater's own words.
        removed: None while the lesion counts.
    """

    number: int = Field(ge=1, le=_GREATEST)
    kind: str = Field(min_length=1, max_length=64)
    label: int = Field(1, ge=1, le=255)
    voxel: Shape | None = None
    ratings: dict[str, int] = Field(default_factory=dict, max_length=64)
    note: str = Field("", max_length=10_000)
    removed: PutAside | None = None


class LesionDocument(Part):
    """lesions.json. Any new field raises `format`."""

    format: Literal[1] = 1
    lesions: tuple[Lesion, ...] = Field((), max_length=10_000)


def check_lesions(lesions: Iterable[Lesion], form: RatingForm, classes: int, shape: Shape) -> None:
    """Make sure that lesions fit their project and scan, and that their numbers differ.

    Raises:
        RaterProjectError: one does not.
    """
    seen: set[int] = set()
    for lesion in lesions:
        if lesion.number in seen:
            raise RaterProjectError(f"Two lesions have the number {lesion.number}. Give each one of its own.")
        seen.add(lesion.number)
        _check(lesion, form, classes, shape)


def next_number(lesions: Iterable[Lesion], *, owns: Literal["mask", "point"], classes: int) -> int:
    """The number of a new lesion.

    Raises:
        RaterProjectError: a mask of 8 bits has no value left.
    """
    taken = {lesion.number for lesion in lesions}
    if owns == "point":
        return max(FIRST_POINT, max(taken, default=0) + 1)
    free = next((number for number in range(classes + 1, FIRST_POINT) if number not in taken), None)
    if free is None:
        raise RaterProjectError(
            f"A read holds {255 - classes} outlined lesions at most, removed ones among them. "
            "Mark further ones as points."
        )
    return free


def class_map(
    mask: UInt8[np.ndarray, "D H W"], lesions: Iterable[Lesion], classes: int
) -> UInt8[np.ndarray, "D H W"]:
    """The mask of classes.

    Args:
        mask: of a read: classes and lesions' numbers.
        lesions: of that read.
        classes: how many the project has.

    Returns:
        0 for background, k for the project's k-th class.

    Raises:
        RaterProjectError: a voxel's value belongs to no lesion.
    """
    table = np.zeros(256, dtype=np.uint8)
    table[: classes + 1] = np.arange(classes + 1)
    known = np.arange(256) <= classes
    for lesion in lesions:
        if lesion.removed is None and lesion.number < FIRST_POINT:
            table[lesion.number], known[lesion.number] = lesion.label, True
    strange = values_of(mask) - set(np.flatnonzero(known).tolist())
    if strange:
        raise RaterProjectError(
            f"The mask holds the value {min(strange)}, which belongs to no lesion of {LESIONS}. Copy the "
            "read again from where it came, both files together."
        )
    return table[mask]


def lesion_mask(mask: UInt8[np.ndarray, "D H W"], lesion: Lesion) -> Bool[np.ndarray, "D H W"]:
    """The voxels of one lesion in its read's mask; none for a point."""
    if lesion.number >= FIRST_POINT:
        return np.zeros(mask.shape, dtype=np.bool_)
    return np.asarray(mask == lesion.number)


def values_of(mask: UInt8[np.ndarray, "D H W"]) -> set[int]:
    """The values that occur."""
    seen = np.zeros(256, dtype=np.bool_)
    for plane in mask:  # bincount takes eight bytes a voxel
        seen |= np.bincount(plane.ravel(), minlength=256) > 0
    return set(np.flatnonzero(seen).tolist())


def _check(lesion: Lesion, form: RatingForm, classes: int, shape: Shape) -> None:
    which = f"Lesion {lesion.number}"
    kind = form.kind(lesion.kind)
    form.check(lesion.ratings)
    if lesion.label > classes:
        raise RaterProjectError(
            f"{which} is of class {lesion.label}, and the project has {classes}. Choose one of them."
        )
    if kind.owns == "mask" and (not classes < lesion.number < FIRST_POINT or lesion.voxel is not None):
        raise RaterProjectError(
            f"{which} is a {kind.name}, which owns voxels: its number must lie from {classes + 1} to "
            f"{FIRST_POINT - 1}, and it has no place of its own. Correct the number or the kind."
        )
    if kind.owns == "point" and (lesion.number < FIRST_POINT or lesion.voxel is None):
        raise RaterProjectError(
            f"{which} is a {kind.name}, a point: its number must be {FIRST_POINT} or more, and it needs a "
            "voxel. Correct the number or the kind."
        )
    if lesion.voxel is not None and not all(0 <= at < n for at, n in zip(lesion.voxel, shape, strict=True)):
        raise RaterProjectError(
            f"{which} lies at voxel {lesion.voxel}, outside the scan of {times(shape)} voxels. Mark it again."
        )
