"""Which patient a CT series belongs to and how large its pixels are, from the table beside the crops.

index.csv has a row a crop; of its columns uid, patient and pixel_spacing_mm are read.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from napari_diffseg.errors import DatasetError
from napari_diffseg.io.stored import SPACING_RANGE_MM

INDEX = "index.csv"
_MOST_BYTES = 2**26


@dataclass(frozen=True, slots=True)
class Series:
    """One CT series: whose it is, and the edge of its pixels."""

    patient: str
    spacing_mm: float = 1.0


def uid_text(uid: int | bytes) -> str:
    """A series as text: a number of 64 bits in hexadecimal digits, a text as it is."""
    return uid.decode(errors="replace") if isinstance(uid, bytes) else f"{uid % 2**64:016x}"


def read_index(path: Path) -> dict[str, Series]:
    """The series of the table by `uid_text`.

    Raises:
        DatasetError: it cannot be read, lacks a column, or has a number that is none.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("too large")
        with path.open(newline="", encoding="utf-8") as file:
            return {
                uid_text(int(row["uid"])): Series(_patient(row["patient"]), _spacing(row["pixel_spacing_mm"]))
                for row in csv.DictReader(file)
            }
    except (OSError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{path.name} cannot be read as a table with the columns uid, patient and pixel_spacing_mm "
            f"({error}). Correct it, or remove it: each uid is a patient then, and a pixel 1 mm."
        ) from error


def _patient(text: str) -> str:
    if not text:
        raise ValueError("a row without a patient")
    return text


def _spacing(text: str) -> float:
    spacing_mm, (least, most) = float(text), SPACING_RANGE_MM
    if not least <= spacing_mm <= most:
        raise ValueError(f"{text} mm, where {least:g} to {most:g} mm is possible")
    return spacing_mm
