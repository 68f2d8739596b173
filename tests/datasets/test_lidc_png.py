"""LIDC as folders of PNG crops, files as they were distributed; and what can be wrong with an image file."""

import io
import shutil
import struct
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from napari_diffseg.datasets import lidc_png
from napari_diffseg.datasets.image import image_grid, image_mask, read_colours, read_grey
from napari_diffseg.errors import DatasetError, GridMismatchError, ScanError

SAMPLE = Path(__file__).parents[1] / "data" / "lidc" / "png"
CASE = "LIDC-IDRI-0882-nodule-1-slice-0"
NODULE = Path("LIDC-IDRI-0882") / "nodule-1"


@pytest.fixture
def folder(tmp_path):
    """A copy of the patients, to be spoiled."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "LIDC-IDRI-slices"))


def the_case(path):
    (case,) = (case for case in lidc_png.read(path).cases if case.name == CASE)
    return case


def pixels(path):
    return np.array(Image.open(path))


def test_each_slice_of_a_nodule_is_a_case_of_its_patient():
    assert lidc_png.recognises(SAMPLE)
    assert [(case.name, case.patient, case.group) for case in lidc_png.read(SAMPLE).cases] == [
        ("LIDC-IDRI-0537-nodule-0-slice-0", "LIDC-IDRI-0537", None),
        ("LIDC-IDRI-0537-nodule-0-slice-1", "LIDC-IDRI-0537", None),
        ("LIDC-IDRI-0882-nodule-1-slice-0", "LIDC-IDRI-0882", None),
        ("LIDC-IDRI-0882-nodule-1-slice-1", "LIDC-IDRI-0882", None),
    ]


def test_the_folder_above_the_patients_is_recognised_too(folder):
    assert lidc_png.recognises(folder.parent)
    assert len(lidc_png.read(folder.parent).cases) == 4


def test_image_and_masks_are_those_of_the_files():
    found = the_case(SAMPLE).read()
    np.testing.assert_array_equal(found.scan.data[0, 0], pixels(SAMPLE / NODULE / "images" / "slice-0.png"))
    for reader, read in enumerate(found.reads):
        drawn = pixels(SAMPLE / NODULE / f"mask-{reader}" / "slice-0.png")
        np.testing.assert_array_equal(read.data[0], drawn == 255)
    assert [bool(read.data.any()) for read in found.reads] == [True, False, False, False]


def test_a_slice_without_a_mask_is_a_problem_and_the_others_stay(folder):
    (folder / NODULE / "mask-2" / "slice-0.png").unlink()
    dataset = lidc_png.read(folder)
    assert len(dataset.cases) == 3
    (problem,) = dataset.problems
    assert problem.case == CASE
    assert "LIDC-IDRI-0882/nodule-1 has no mask-2/slice-0.png" in problem.sentence


def test_a_mask_without_its_image_is_a_problem(folder):
    (folder / NODULE / "images" / "slice-1.png").unlink()
    (problem,) = lidc_png.read(folder).problems
    assert "has no images/slice-1.png" in problem.sentence


def test_a_nodule_without_a_reader_is_a_problem_for_each_slice(folder):
    shutil.rmtree(folder / NODULE / "mask-3")
    assert len(lidc_png.read(folder).problems) == 2


def test_a_folder_where_nothing_is_whole_is_refused(folder):
    for mask in folder.glob("*/*/mask-0"):
        shutil.rmtree(mask)
    with pytest.raises(DatasetError, match=r"no crop with its 4 masks .* The first of 4 problems: .* mask-0"):
        lidc_png.read(folder)


def test_other_folders_are_not_recognised(tmp_path):
    assert not lidc_png.recognises(tmp_path)
    assert not lidc_png.recognises(SAMPLE / NODULE)
    assert not lidc_png.recognises(SAMPLE / NODULE / "images" / "slice-0.png")


def test_a_mask_of_another_size_is_told(folder):
    Image.new("L", (64, 128)).save(folder / NODULE / "mask-1" / "slice-0.png")
    with pytest.raises(GridMismatchError, match="does not lie on its image"):
        the_case(folder).read()


def test_an_image_in_the_place_of_a_mask_is_told(folder):
    shutil.copy(folder / NODULE / "images" / "slice-0.png", folder / NODULE / "mask-1" / "slice-0.png")
    with pytest.raises(ScanError, match=f"mask 1 of {CASE} holds .* beside 255"):
        the_case(folder).read()


def chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(width, height, *chunks):
    """A PNG of that size by its header, with these chunks in it."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


DAMAGED = {
    "empty": (b"", "is no PNG, JPEG, BMP or WebP image"),
    "a page": (b"<html>", "is no PNG, JPEG, BMP or WebP image"),
    "a GIF": (b"GIF89a" + bytes(20), "is no PNG, JPEG, BMP or WebP image"),
    "a beginning": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "nothing inside": (png(128, 128), "damaged or cut short"),
    "too large": (png(10_000, 10_000), "more than 67108864 pixels"),
    "absurd": (png(100_000, 100_000), "more than 67108864 pixels"),
    "too long": (png(2**31, 2**31), "more than 67108864 pixels|damaged"),
    "no size": (png(0, 0), "damaged"),
    "a packed text": (
        png(128, 128, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**27)))),
        "damaged or cut short",
    ),
}


@pytest.mark.parametrize("how", DAMAGED)
@pytest.mark.parametrize("part", ["images", "mask-3"])
def test_a_damaged_or_absurd_image_is_told_in_a_sentence(part, how, folder):
    content, match = DAMAGED[how]
    (folder / NODULE / part / "slice-0.png").write_bytes(content)
    with pytest.raises(ScanError, match=match) as caught:
        the_case(folder).read()
    assert f"{part} of {CASE}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [20, 100, 5000, -200])
def test_an_image_cut_short_is_told(kept, folder):
    file = folder / NODULE / "images" / "slice-0.png"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ScanError, match="damaged"):
        the_case(folder).read()


def test_a_file_that_vanished_after_listing_is_told(folder):
    case = the_case(folder)
    (folder / NODULE / "mask-0" / "slice-0.png").unlink()
    with pytest.raises(ScanError, match="There is no file mask-0 of"):
        case.read()


def test_an_image_lies_in_display_order_with_its_spacing():
    grid = image_grid((20, 30), (0.5, 0.7))
    assert nibabel.aff2axcodes(grid.affine) == ("I", "P", "L")
    assert (grid.shape, grid.spacing_mm) == ((1, 20, 30), (1, 0.5, 0.7))


def saved(values, **options):
    file = io.BytesIO()
    Image.fromarray(values).save(file, **({"format": "PNG"} | options))
    file.seek(0)
    return file


def test_sixteen_bits_of_a_png_are_kept():
    values = np.array([[0, 1, 256], [1000, 40_000, 65_535]], dtype=np.uint16)
    np.testing.assert_array_equal(read_grey(saved(values), "x"), values)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA"])
def test_a_grey_picture_saved_in_colour_keeps_its_values(mode):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    file = io.BytesIO()
    Image.fromarray(values).convert(mode).save(file, "PNG")
    np.testing.assert_array_equal(read_grey(file, "x"), values)


def test_colours_are_red_green_blue(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_colours(tmp_path / "x.png", "x"), np.moveaxis(values, -1, 0))


@pytest.mark.parametrize("values", [[0, 1], [0, 255], [True, False], [0, 0], [3, 3]])
def test_a_mask_is_where_the_numbers_are_not_zero(values):
    mask = image_mask(np.array([values], dtype=bool if values[0] is True else np.uint8), "x")
    np.testing.assert_array_equal(mask.data[0, 0], np.array(values) != 0)
    assert mask.data.dtype == np.uint8


@pytest.mark.parametrize(
    ("values", "match"), [([0, 1, 2], "1 beside 2"), ([0, -1, 1], "-1 beside 1"), ([0.5], "float64")]
)
def test_other_numbers_are_no_mask(values, match):
    with pytest.raises(ScanError, match=match):
        image_mask(np.array([values]), "x")
