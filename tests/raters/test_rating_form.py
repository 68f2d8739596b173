"""LIDC's ratings as published, and forms that a project defines itself."""

import pytest
from pydantic import ValidationError

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.lidc_form import LIDC_FORM
from napari_diffseg.raters.rating_form import PLAIN_FORM, Grade, LesionKind, RatingField, RatingForm

FIELDS = {
    "subtlety": 5,
    "internalStructure": 4,
    "calcification": 6,
    "sphericity": 5,
    "margin": 5,
    "lobulation": 5,
    "spiculation": 5,
    "texture": 5,
    "malignancy": 5,
}


def test_the_nine_ratings_have_their_published_scales():
    assert {field.name: len(field.scale) for field in LIDC_FORM.fields} == FIELDS
    for field in LIDC_FORM.fields:
        assert [grade.value for grade in field.scale] == list(range(1, FIELDS[field.name] + 1))
    words = {field.name: field.words(1) + " … " + field.words(len(field.scale)) for field in LIDC_FORM.fields}
    assert words["subtlety"] == "extremely subtle … obvious"
    assert words["calcification"] == "popcorn … absent"
    assert words["malignancy"] == "highly unlikely … highly suspicious"


def test_only_nodules_of_3_mm_own_voxels_and_are_rated():
    told = {kind.name: (kind.owns, bool(LIDC_FORM.missing(kind.name, {}))) for kind in LIDC_FORM.kinds}
    assert told == {
        "nodule": ("mask", True),
        "small nodule": ("point", False),
        "non-nodule": ("point", False),
    }


def test_a_form_survives_its_file():
    for form in (LIDC_FORM, PLAIN_FORM):
        assert RatingForm.model_validate_json(form.model_dump_json()) == form


@pytest.mark.parametrize(
    ("ratings", "sentence"),
    [
        ({"malignancy": 0}, r"0 is not on the scale of “Malignancy”\. Choose one of 1, 2, 3, 4, 5"),
        ({"internalStructure": 5}, "5 is not on the scale of “Internal structure”"),
        ({"colour": 1}, "does not ask for “colour”"),
    ],
)
def test_an_answer_off_the_form_is_refused(ratings, sentence):
    with pytest.raises(RaterProjectError, match=sentence):
        LIDC_FORM.check(ratings)


SCALE = (Grade(value=0, words="no"), Grade(value=1, words="yes"))
MASK = LesionKind(name="lesion", owns="mask")


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"kinds": ()}, "no kind owns a mask"),
        ({"kinds": (LesionKind(name="point", owns="point"),)}, "no kind owns a mask"),
        ({"kinds": (MASK, MASK)}, "two kinds have one name"),
        (
            {"kinds": (MASK,), "fields": (RatingField(name="a", title="A", scale=SCALE),) * 2},
            "two questions have one name",
        ),
    ],
)
def test_an_impossible_form_is_refused(form, sentence):
    with pytest.raises(ValidationError, match=sentence):
        RatingForm(**form)


def test_a_value_stands_on_a_scale_once():
    with pytest.raises(ValidationError, match="twice"):
        RatingField(name="a", title="A", scale=(*SCALE, SCALE[0]))
