"""raters.json: what a rater project is, in one document that its owner alone writes."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from napari_diffseg.raters import paths
from napari_diffseg.raters.document import Part
from napari_diffseg.raters.rating_form import PLAIN_FORM, RatingForm
from napari_diffseg.results.result import ClassInfo

PROJECT = "raters.json"
MOST_NOTES = 1000
NUMBERED = re.compile(r"reader[\W_]*[0-9]+", re.IGNORECASE)
"""As readers without names are shown, or nearly so."""


class Protocol(Part):
    """How raters work.

    Attributes:
        allow_start_from_member: whether a model's answer may be a start in the blinded phase too.
        show_names: whether the unblinded phase shows names instead of "reader 1" to "reader n".
        empty_reads: what a finished read without a voxel says: that its rater saw nothing, or nothing at
            all, so that consensus and agreement leave it out.
        about: instructions that raters are shown.
    """

    allow_start_from_member: bool = False
    show_names: bool = False
    empty_reads: Literal["saw nothing", "left out"] = "saw nothing"
    about: str = Field("", max_length=20_000)


class CaseImage(Part):
    """One channel of a case's scan.

    Attributes:
        channel: its name, for example "flair" or "image".
        path: relative to the project, or absolute for an image that stays where it is.
        sha256: of the file when it was added.
    """

    channel: str = Field(min_length=1, max_length=64)
    path: str = Field(min_length=1, max_length=4096)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class CaseEntry(Part):
    """One case.

    Attributes:
        name: unique in the project.
        images: the scan's channels, on one grid.
        raters: who reads it; all of the project's where nobody is named.
        patient: a code, not a name; cases of one patient are no independent evidence. Empty for a patient of
            the case's own.
        note: what everybody who uses the reads should know of it.
    """

    name: str = Field(min_length=1, max_length=200)
    images: tuple[CaseImage, ...] = Field(min_length=1, max_length=64)
    raters: tuple[str, ...] = Field((), max_length=1000)
    patient: str = Field("", max_length=200)
    note: str = Field("", max_length=10_000)


class ProjectDocument(Part):
    """raters.json. Any new field raises `format`.

    Attributes:
        id: random; the order of anonymous readers hangs on it.
        title: as people know the project.
        labels: foreground classes; label k is the k-th.
        raters: names as people write them.
        protocol: how they work.
        form: what they may mark, and the questions.
        cases: in the order in which they are read.
        notes: what everybody who uses the reads should know, a sentence each.
    """

    format: Literal[1] = 1
    id: str = Field(pattern="^[0-9a-f]{32}$")
    title: str = Field(min_length=1, max_length=200)
    labels: tuple[ClassInfo, ...] = Field(min_length=1, max_length=100)
    raters: tuple[str, ...] = Field((), max_length=1000)
    protocol: Protocol = Protocol()
    form: RatingForm = PLAIN_FORM
    cases: tuple[CaseEntry, ...] = Field((), max_length=100_000)
    notes: tuple[str, ...] = Field((), max_length=MOST_NOTES)

    @field_validator("labels")
    @classmethod
    def _labels_are_shown(cls, labels: tuple[ClassInfo, ...]) -> tuple[ClassInfo, ...]:
        for info in labels:
            if not info.name or not re.fullmatch("#[0-9a-fA-F]{6}", info.colour):
                raise ValueError(f"the class “{info.name}” needs a name and a colour such as #e4572e")
        return labels

    @model_validator(mode="after")
    def _folders_differ(self) -> ProjectDocument:
        for rater in self.raters:
            _check_rater(rater, self.protocol)
        paths.require_distinct(self.raters, "raters")
        paths.require_distinct((case.name for case in self.cases), "cases")
        for case in self.cases:
            strangers = sorted(set(case.raters) - set(self.raters))
            if strangers:
                raise ValueError(f"“{strangers[0]}” is to read {case.name} and is no rater of the project")
        return self


def _check_rater(name: str, protocol: Protocol) -> None:
    if not name:
        raise ValueError("a rater has no name")
    if not protocol.show_names and NUMBERED.fullmatch(name.strip()):
        raise ValueError(f"“{name}” is how readers without names are shown; a rater needs another name")
