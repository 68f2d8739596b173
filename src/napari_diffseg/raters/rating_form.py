"""What a rater may mark and how a mark is rated: data of the project, so another one has its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.document import Part


class LesionKind(Part):
    """One kind of mark.

    Attributes:
        name: as it stands in lesions.json and is shown.
        owns: "mask" for voxels of the read's mask, "point" for one voxel's place.
        rated: whether the form's questions are asked for it.
        help: when a rater chooses it.
    """

    name: str = Field(min_length=1, max_length=64)
    owns: Literal["mask", "point"]
    rated: bool = True
    help: str = Field("", max_length=2000)


class Grade(Part):
    """One value of a scale and the words that stand for it."""

    value: int = Field(ge=-1000, le=1000)
    words: str = Field(min_length=1, max_length=200)


class RatingField(Part):
    """One question about a lesion.

    Attributes:
        name: as it stands in lesions.json.
        title: as it is shown.
        help: what is asked, in a sentence.
        scale: the answers, in order.
    """

    name: str = Field(min_length=1, max_length=64)
    title: str = Field(min_length=1, max_length=100)
    help: str = Field("", max_length=2000)
    scale: tuple[Grade, ...] = Field(min_length=2, max_length=100)

    @field_validator("scale")
    @classmethod
    def _each_value_once(cls, scale: tuple[Grade, ...]) -> tuple[Grade, ...]:
        if len({grade.value for grade in scale}) < len(scale):
            raise ValueError("a value stands on the scale twice")
        return scale

    def words(self, value: int) -> str:
        """The words for a value of the scale; the number itself for another one."""
        return next((grade.words for grade in self.scale if grade.value == value), str(value))


class RatingForm(Part):
    """Kinds of lesions and the questions about them.

    Attributes:
        kinds: what may be marked, one that owns a mask among them; the first such is what painting makes.
        fields: the questions.
    """

    kinds: tuple[LesionKind, ...] = Field(max_length=32)
    fields: tuple[RatingField, ...] = Field((), max_length=64)

    @field_validator("kinds")
    @classmethod
    def _kinds_differ(cls, kinds: tuple[LesionKind, ...]) -> tuple[LesionKind, ...]:
        if len({kind.name for kind in kinds}) < len(kinds):
            raise ValueError("two kinds have one name")
        if all(kind.owns == "point" for kind in kinds):
            raise ValueError("no kind owns a mask")
        return kinds

    @field_validator("fields")
    @classmethod
    def _fields_differ(cls, fields: tuple[RatingField, ...]) -> tuple[RatingField, ...]:
        if len({field.name for field in fields}) < len(fields):
            raise ValueError("two questions have one name")
        return fields

    @property
    def painted(self) -> LesionKind:
        """The kind that painting with a new number makes."""
        return next(kind for kind in self.kinds if kind.owns == "mask")

    def kind(self, name: str) -> LesionKind:
        """The kind of this name.

        Raises:
            RaterProjectError: there is none.
        """
        for kind in self.kinds:
            if kind.name == name:
                return kind
        known = ", ".join(kind.name for kind in self.kinds)
        raise RaterProjectError(f"“{name}” is no kind of lesion of this project. Choose one of {known}.")

    def check(self, ratings: Mapping[str, int]) -> None:
        """Make sure that every rating answers a question of the form with a value of its scale.

        Raises:
            RaterProjectError: one does not. A missing one is no error.
        """
        fields = {field.name: field for field in self.fields}
        for name, value in ratings.items():
            if name not in fields:
                asked = ", ".join(fields) or "nothing"
                raise RaterProjectError(f"The project's form does not ask for “{name}”. It asks for {asked}.")
            values = [grade.value for grade in fields[name].scale]
            if value not in values:
                scale = ", ".join(map(str, values))
                raise RaterProjectError(
                    f"{value} is not on the scale of “{fields[name].title}”. Choose one of {scale}."
                )

    def missing(self, kind: str, ratings: Mapping[str, int]) -> tuple[RatingField, ...]:
        """The questions that are still open for a lesion of this kind.

        Raises:
            RaterProjectError: there is no such kind.
        """
        if not self.kind(kind).rated:
            return ()
        return tuple(field for field in self.fields if field.name not in ratings)


PLAIN_FORM = RatingForm(
    kinds=(LesionKind(name="lesion", owns="mask"), LesionKind(name="point", owns="point", rated=False))
)
"""Lesions as masks, places as points, no questions."""
