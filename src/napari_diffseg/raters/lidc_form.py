"""The marks and the nine ratings of LIDC-IDRI, in their published scales.

Names are those of the elements in LIDC's XML files. The words are the published ones; for the even values
of sphericity, margin, lobulation, spiculation and texture, which the readers' screen left without words,
they are those that pylidc made customary.

Source:
    McNitt-Gray et al., The LIDC data collection process for nodule detection and annotation, Academic
    Radiology 14(12), 2007, doi:10.1016/j.acra.2007.07.021; Armato et al., Medical Physics 38(2), 2011,
    doi:10.1118/1.3528204; Hancock and Magnan, Journal of Medical Imaging 3(4), 2016,
    doi:10.1117/1.JMI.3.4.044504.
"""

from __future__ import annotations

from napari_diffseg.raters.rating_form import Grade, LesionKind, RatingField, RatingForm


def _field(name: str, title: str, help_: str, *words: str) -> RatingField:
    scale = tuple(Grade(value=value, words=text) for value, text in enumerate(words, start=1))
    return RatingField(name=name, title=title, help=help_, scale=scale)


LIDC_FORM = RatingForm(
    kinds=(
        LesionKind(
            name="nodule", owns="mask", help="A nodule of 3 mm or more in its longest diameter: outline it."
        ),
        LesionKind(
            name="small nodule",
            owns="point",
            rated=False,
            help="A nodule below 3 mm that is not clearly benign: mark its centre.",
        ),
        LesionKind(
            name="non-nodule",
            owns="point",
            rated=False,
            help="Another finding of 3 mm or more that is no nodule: mark its centre.",
        ),
    ),
    fields=(
        _field(
            "subtlety",
            "Subtlety",
            "How hard is it to find?",
            "extremely subtle",
            "moderately subtle",
            "fairly subtle",
            "moderately obvious",
            "obvious",
        ),
        _field(
            "internalStructure",
            "Internal structure",
            "What is it made of?",
            "soft tissue",
            "fluid",
            "fat",
            "air",
        ),
        _field(
            "calcification",
            "Calcification",
            "Which pattern of calcification does it have?",
            "popcorn",
            "laminated",
            "solid",
            "non-central",
            "central",
            "absent",
        ),
        _field(
            "sphericity",
            "Sphericity",
            "How round is it in three dimensions?",
            "linear",
            "ovoid/linear",
            "ovoid",
            "ovoid/round",
            "round",
        ),
        _field(
            "margin",
            "Margin",
            "How well defined is its edge?",
            "poorly defined",
            "near poorly defined",
            "medium",
            "near sharp",
            "sharp",
        ),
        _field(
            "lobulation",
            "Lobulation",
            "How lobulated is it?",
            "none",
            "nearly none",
            "medium",
            "near marked",
            "marked",
        ),
        _field(
            "spiculation",
            "Spiculation",
            "How spiculated is it?",
            "none",
            "nearly none",
            "medium",
            "near marked",
            "marked",
        ),
        _field(
            "texture",
            "Texture",
            "How solid is it?",
            "non-solid, ground glass",
            "non-solid/mixed",
            "part solid, mixed",
            "solid/mixed",
            "solid",
        ),
        _field(
            "malignancy",
            "Malignancy",
            "How likely is it malignant, in a man of 60 who smokes?",
            "highly unlikely",
            "moderately unlikely",
            "indeterminate",
            "moderately suspicious",
            "highly suspicious",
        ),
    ),
)
