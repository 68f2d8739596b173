"""DDTI: ultrasound images of the thyroid with nodules outlined in XML.

    12.xml              <mark><image>1</image><svg>[{"points": [{"x": 3, "y": 4}, ...]}, ...]</svg></mark>
    12_1.jpg, 12_2.jpg

A case of the set is a patient, with an image or more. The outlines of an image, however many, are filled into
one mask, the line itself included. The size of a pixel is not told; 1 mm is taken.

Source:
    Pedraza et al., An open access thyroid ultrasound image database, SPIE 9287 (2015),
    doi:10.1117/12.2073532.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from napari_diffseg.datasets.case import Case, LabelledScan
from napari_diffseg.datasets.dataset import Dataset, Problem
from napari_diffseg.datasets.ddti_outlines import Outline, read_outlines
from napari_diffseg.datasets.image import image_mask, image_scan, read_grey
from napari_diffseg.errors import DatasetError, ScanError
from napari_diffseg.results.classes import named

TITLE = "DDTI: thyroid ultrasound"
EXPECTS = "<case>.xml and <case>_<image>.jpg side by side"

CLASSES = named(("nodule",))
CITATION = (
    "Pedraza et al., An open access thyroid ultrasound image database, SPIE 9287 (2015), "
    "doi:10.1117/12.2073532"
)

_MODALITY = "US"
_BEYOND = 0.1  # a hand slips over the edge: an outline may leave the image by this share of it


def recognises(path: Path) -> bool:
    """Whether an image is named after an XML file beside it."""
    patients = {file.stem for file in path.glob("*.xml")}
    return any(_patient(image) in patients for image in path.glob("*_*.jpg"))


def read(path: Path) -> Dataset:
    """A case for each image with an outline; the others are problems, as are XML files that cannot be read.

    Raises:
        DatasetError: there is no such image.
    """
    images = {image.stem: image for image in sorted(path.glob("*_*.jpg"))}
    outlines, problems = _outlines(path)
    problems += [
        Problem(name, f"There is no image {name}.jpg for an outline of {_patient(Path(name))}.xml. Add it.")
        for name in sorted(outlines.keys() - images.keys())
    ]
    damaged = {problem.case for problem in problems}
    problems += [
        Problem(name, f"{name}.jpg has no outline in {_patient(image)}.xml. Add one, or leave the image out.")
        for name, image in images.items()
        if name not in outlines and _patient(image) not in damaged
    ]
    cases = tuple(
        Case(name, _patient(image), partial(_read_image, image, outlines[name]))
        for name, image in images.items()
        if name in outlines
    )
    if not cases:
        raise DatasetError(f"{path.name} holds no image with an outline: expected {EXPECTS}.")
    return Dataset(
        root=path,
        layout=TITLE,
        channels=("image",),
        classes=CLASSES,
        cases=cases,
        dimensions=2,
        modality=_MODALITY,
        problems=tuple(problems),
        citation=CITATION,
    )


def _patient(image: Path) -> str:
    return image.stem.rpartition("_")[0]


def _outlines(folder: Path) -> tuple[dict[str, tuple[Outline, ...]], list[Problem]]:
    """Outlines by the image's name, and the cases whose XML cannot be used."""
    found: dict[str, tuple[Outline, ...]] = {}
    problems: list[Problem] = []
    for file in sorted(folder.glob("*.xml")):
        try:
            found |= {f"{file.stem}_{number}": drawn for number, drawn in read_outlines(file).items()}
        except DatasetError as error:
            problems.append(Problem(file.stem, str(error)))
    return found, problems


def _read_image(image: Path, outlines: tuple[Outline, ...]) -> LabelledScan:
    pixels = read_grey(image, image.name)
    mask = _filled(pixels.shape, outlines, image.name)
    scan = image_scan(pixels[np.newaxis], image.stem, modality=_MODALITY)
    return LabelledScan(scan, (image_mask(mask, f"the mask of {image.name}"),))


def _filled(shape: tuple[int, int], outlines: tuple[Outline, ...], name: str) -> UInt8[np.ndarray, "H W"]:
    height, width = shape
    mask = Image.new("L", (width, height))
    for outline in outlines:
        points = np.array([(point.x, point.y) for point in outline.points])
        beyond = np.abs(points / (width, height) - 0.5).max(axis=1) > 0.5 + _BEYOND
        if beyond.any():
            x, y = points[beyond][0]
            raise ScanError(
                f"An outline of {name} runs to ({x:g}, {y:g}), outside its {width} × {height} pixels. "
                "Correct the outline, or leave the image out."
            )
        ImageDraw.Draw(mask).polygon(points.ravel().tolist(), fill=1, outline=1)
    return np.array(mask)
