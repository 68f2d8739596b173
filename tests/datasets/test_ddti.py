"""DDTI. No image of it may stand here: a folder of its form is made from real crops of lung nodules.

The outline in the XML is the border of what a reader drew there, as image coordinates.
"""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from skimage.measure import find_contours

from napari_diffseg.datasets import ddti
from napari_diffseg.errors import DatasetError, ScanError

HDF5 = Path(__file__).parents[1] / "data" / "lidc" / "hdf5" / "data_lidc.hdf5"

IMAGES = {"12_1": ("train", 0), "12_2": ("train", 1), "205_1": ("val", 0)}
SQUARE = [{"x": 10, "y": 20}, {"x": 14, "y": 20}, {"x": 14, "y": 22}, {"x": 10, "y": 22}]


def drawn(name):
    """What reader 0 drew on the crop, (H, W)."""
    group, row = IMAGES[name]
    with h5py.File(HDF5) as file:
        return file[group]["labels"][row, :, :, 0]


def grey(name):
    group, row = IMAGES[name]
    with h5py.File(HDF5) as file:
        return ((file[group]["images"][row] + 0.5) * 256).astype(np.uint8)


def outlines(mask):
    """DDTI's regions: the border of each part, through the centres of its outermost pixels."""
    return [
        {
            "points": [{"x": round(x), "y": round(y)} for y, x in border],
            "annotation": {},
            "regionType": "freehand",
        }
        for border in find_contours(mask, 0.9999)
    ]


def xml(*marks):
    """A file of a case, with a mark for each (number of image, text of svg)."""
    told = "".join(f"<mark><image>{number}</image><svg>{svg}</svg></mark>" for number, svg in marks)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<case><number>1</number><age /><sex>F</sex>{told}</case>'


@pytest.fixture
def folder(tmp_path):
    """Case 12 with two images, case 205 with one."""
    for name in IMAGES:
        Image.fromarray(grey(name)).convert("RGB").save(tmp_path / f"{name}.jpg", quality=95)
    marks = {name: json.dumps(outlines(drawn(name))) for name in IMAGES}
    (tmp_path / "12.xml").write_text(xml((1, marks["12_1"]), (2, marks["12_2"])))
    (tmp_path / "205.xml").write_text(xml((1, marks["205_1"])))
    return tmp_path


def mask_of(folder, name="205_1"):
    (case,) = (case for case in ddti.read(folder).cases if case.name == name)
    (read,) = case.read().reads
    return read.data[0]


def with_outline(folder, svg):
    (folder / "205.xml").write_text(xml((1, svg)))
    return folder


def the_problem(folder):
    (problem,) = ddti.read(folder).problems
    assert "\n" not in problem.sentence
    return problem


def test_every_marked_image_is_a_case_of_its_patient(folder):
    assert ddti.recognises(folder)
    dataset = ddti.read(folder)
    assert [(case.name, case.patient, case.group) for case in dataset.cases] == [
        ("12_1", "12", None),
        ("12_2", "12", None),
        ("205_1", "205", None),
    ]
    assert (dataset.modality, dataset.dimensions, dataset.problems) == ("US", 2, ())


@pytest.mark.parametrize("name", IMAGES)
def test_a_filled_outline_is_what_was_drawn(name, folder):
    assert drawn(name).any()
    np.testing.assert_array_equal(mask_of(folder, name), drawn(name))


def test_an_outline_is_filled_with_its_line(folder):
    expected = np.zeros((128, 128), dtype=np.uint8)
    expected[20:23, 10:15] = 1
    np.testing.assert_array_equal(mask_of(with_outline(folder, json.dumps([{"points": SQUARE}]))), expected)


def test_outlines_of_several_marks_of_one_image_are_joined(folder):
    other = [{"x": place["x"] + 50, "y": place["y"]} for place in SQUARE]
    (folder / "205.xml").write_text(
        xml((1, json.dumps([{"points": SQUARE}])), (1, json.dumps([{"points": other}])))
    )
    mask = mask_of(folder)
    assert (mask.sum(), mask[20:23, 10:15].all(), mask[20:23, 60:65].all()) == (30, True, True)


def test_the_image_is_read_as_grey(folder):
    scan = ddti.read(folder).cases[0].read().scan
    assert scan.data.shape == (1, 1, 128, 128)
    assert abs(scan.data[0, 0].astype(int) - grey("12_1")).mean() < 3  # JPEG


def test_an_outline_may_slip_over_the_edge_a_little(folder):
    points = [{"x": -5, "y": -5}, {"x": 20, "y": -5}, {"x": 20, "y": 20}, {"x": -5, "y": 20}]
    mask = mask_of(with_outline(folder, json.dumps([{"points": points}])))
    assert mask[:21, :21].all()
    assert mask.sum() == 21 * 21


@pytest.mark.parametrize("place", [{"x": 5000, "y": 3}, {"x": 3, "y": -40}, {"x": 1e300, "y": 1}])
def test_an_outline_outside_the_image_is_told(place, folder):
    with pytest.raises(ScanError, match=r"outline of 205_1.jpg runs to .* outside its 128 × 128 pixels"):
        mask_of(with_outline(folder, json.dumps([{"points": [*SQUARE, place]}])))


@pytest.mark.parametrize("svg", ["", "   ", "[]"])
def test_an_image_without_an_outline_is_a_problem(svg, folder):
    problem = the_problem(with_outline(folder, svg))
    assert problem.case == "205_1"
    assert "205_1.jpg has no outline in 205.xml" in problem.sentence


def test_an_image_without_xml_and_an_outline_without_image_are_problems(folder):
    (folder / "205.xml").unlink()
    (folder / "12_2.jpg").unlink()
    assert [problem.case for problem in ddti.read(folder).problems] == ["12_2", "205_1"]


CUT = json.dumps([{"points": SQUARE, "annotation": {}, "regionType": "freehand"}])[:-12]

WRONG_OUTLINES = {
    "cut short, as two of the set are": CUT,
    "no JSON": "M 10 20 L 30 40",
    "no list": '{"points": []}',
    "two points": json.dumps([{"points": SQUARE[:2]}]),
    "no points": json.dumps([{"annotation": {}}]),
    "text for a number": json.dumps([{"points": [{"x": "left", "y": 1}] * 3}]),
    "no number": '[{"points": [{"x": NaN, "y": 1}, {"x": 1, "y": 1}, {"x": 1, "y": 2}]}]',
    "an endless number": '[{"points": [{"x": 1e999, "y": 1}, {"x": 1, "y": 1}, {"x": 1, "y": 2}]}]',
    "lists in lists": "[" * 100_000,
}


@pytest.mark.parametrize("how", WRONG_OUTLINES)
def test_an_outline_that_is_none_is_a_problem_of_its_case(how, folder):
    problem = the_problem(with_outline(folder, WRONG_OUTLINES[how]))
    assert problem.case == "205"
    assert "205.xml has an outline of image 1 that is cut short or no list of points" in problem.sentence


@pytest.mark.parametrize("number", ["", "one", "../12_1", "-1"])
def test_an_outline_for_no_numbered_image_is_a_problem(number, folder):
    (folder / "205.xml").write_text(xml((number, json.dumps([{"points": SQUARE}]))))
    assert "has an outline for no numbered image" in the_problem(folder).sentence


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))

WRONG_XML = {
    "empty": ("", "is no XML"),
    "cut short": (xml((1, "[]"))[:-10], "is no XML, or is cut short"),
    "not XML": ("12;1;nodule", "is no XML"),
    "a billion laughs": (
        f'<!DOCTYPE case [<!ENTITY l0 "ha">{LAUGHS}]><case><mark><svg>&l9;</svg></mark></case>',
        "declares a document type or entities",
    ),
    "another file": (
        '<!DOCTYPE case [<!ENTITY x SYSTEM "file:///etc/hostname">]><case><mark><image>&x;</image></mark></case>',
        "declares a document type or entities",
    ),
    "a document type elsewhere": (
        '<!DOCTYPE case SYSTEM "http://127.0.0.1:9/case.dtd"><case/>',
        "declares a document type or entities",
    ),
    "an encoding that is none": ('<?xml version="1.0" encoding="none"?><case/>', "is no XML"),
    "too large": (f"<case>{' ' * 2**20}</case>", "more than 1048576 bytes"),
    "elements in elements": ("<a>" * 300_000, "is no XML"),
}


@pytest.mark.parametrize("how", WRONG_XML)
def test_xml_that_cannot_be_used_is_a_problem_of_its_case(how, folder):
    content, sentence = WRONG_XML[how]
    (folder / "205.xml").write_text(content)
    problem = the_problem(folder)
    assert problem.case == "205"
    assert sentence in problem.sentence
    assert len(ddti.read(folder).cases) == 2


def test_elements_in_elements_without_end_hold_no_outline(folder):
    (folder / "205.xml").write_text("<a>" * 140_000 + "</a>" * 140_000)
    assert the_problem(folder).case == "205_1"


def test_an_image_cut_short_is_told(folder):
    path = folder / "205_1.jpg"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ScanError, match=r"205_1.jpg is damaged or cut short"):
        mask_of(folder)


def test_a_set_without_an_outline_is_refused(folder):
    for file in folder.glob("*.xml"):
        file.write_text(xml())
    with pytest.raises(DatasetError, match="holds no image with an outline"):
        ddti.read(folder)


def test_other_folders_are_not_recognised(tmp_path):
    (tmp_path / "12.xml").touch()
    (tmp_path / "13_1.jpg").touch()
    assert not ddti.recognises(tmp_path)
    assert not ddti.recognises(HDF5)
