"""The outlines in an XML file of DDTI: JSON in an element svg, beside the number of its image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from defusedxml import DefusedXmlException, ElementTree
from pydantic import BaseModel, Field, FiniteFloat, TypeAdapter, ValidationError

from napari_diffseg.errors import DatasetError

_MOST_BYTES = 2**20  # real ones have a few kilobytes


class Point(BaseModel, frozen=True):
    """A place in pixels: x along a row, y along a column."""

    x: FiniteFloat
    y: FiniteFloat


class Outline(BaseModel, frozen=True):
    """A closed line around one nodule."""

    points: tuple[Point, ...] = Field(min_length=3)


_OUTLINES = TypeAdapter(tuple[Outline, ...])


def read_outlines(path: Path) -> dict[str, tuple[Outline, ...]]:
    """The outlines of a case by the number of the image, as text; an image that nobody marked is left out.

    Raises:
        DatasetError: the file cannot be read, is no XML, declares entities or a document type, has more than
            1 MiB, or has a mark whose number or outline is none.
    """
    found: dict[str, tuple[Outline, ...]] = {}
    for mark in _root(path).iter("mark"):
        number, text = (mark.findtext("image") or "").strip(), (mark.findtext("svg") or "").strip()
        if text:
            found[number] = found.get(number, ()) + _outlines(path.name, number, text)
    return {number: outlines for number, outlines in found.items() if outlines}


def _root(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DatasetError(
                f"{path.name} has more than {_MOST_BYTES} bytes, where outlines take a few thousand. "
                "Get the file from its source again."
            )
        return ElementTree.fromstring(path.read_bytes(), forbid_dtd=True)
    except OSError as error:
        raise DatasetError(f"{path.name} cannot be read: {error.strerror}. Copy it again.") from error
    except DefusedXmlException as error:
        raise DatasetError(
            f"{path.name} declares a document type or entities, which outlines never need. Nothing of it was "
            "used; get the file from its source again."
        ) from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # ... or an encoding that is none
        raise DatasetError(
            f"{path.name} is no XML, or is cut short. Copy it again from its source."
        ) from error


def _outlines(file: str, number: str, text: str) -> tuple[Outline, ...]:
    if not number.isdigit():
        raise DatasetError(
            f"{file} has an outline for no numbered image. Write the number in its element image."
        )
    try:
        return _OUTLINES.validate_json(text)
    except ValidationError as error:
        raise DatasetError(
            f"{file} has an outline of image {number} that is cut short or no list of points "
            f"({error.errors()[0]['msg']}). Correct it, or leave the case out."
        ) from error
