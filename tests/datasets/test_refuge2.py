"""REFUGE-2. No photograph of it may stand here: a folder of its form is made from real crops of lung nodules.

Two CT crops and the negative of one are red, green and blue; what some reader drew is the disc, and what all
who drew anything agree on is the cup.
"""

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from napari_diffseg.datasets import refuge2
from napari_diffseg.errors import DatasetError, GridMismatchError, ScanError

HDF5 = Path(__file__).parents[1] / "data" / "lidc" / "hdf5" / "data_lidc.hdf5"


def eye(group, row):
    """Colours (H, W, 3) and a mask of 0 (cup), 128 (rim) and 255, all from one group's crops."""
    with h5py.File(HDF5) as file:
        images, labels = file[group]["images"][:2], file[group]["labels"][row]
    grey = ((images + 0.5) * 256).astype(np.uint8)
    drawn = labels[..., labels.any(axis=(0, 1))]
    mask = np.where(drawn.all(axis=-1), 0, np.where(drawn.any(axis=-1), 128, 255)).astype(np.uint8)
    return np.stack([grey[0], grey[1], 255 - grey[0]], axis=-1), mask


@pytest.fixture
def folder(tmp_path):
    """train with two photographs, val and test with one each, masks as BMP, and in val as PNG."""
    for part, group, stem, row, ending in (
        ("train", "train", "g0001", 0, "bmp"),
        ("train", "train", "n0001", 1, "bmp"),
        ("val", "val", "V0001", 0, "png"),
        ("test", "test", "T0001", 0, "bmp"),
    ):
        colours, mask = eye(group, row)
        for kind in ("images", "mask"):
            (tmp_path / part / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(colours).save(tmp_path / part / "images" / f"{stem}.jpg", quality=95)
        Image.fromarray(mask).save(tmp_path / part / "mask" / f"{stem}.{ending}")
    return tmp_path


def read_case(folder, name="train-g0001"):
    (case,) = (case for case in refuge2.read(folder).cases if case.name == name)
    return case.read()


def test_parts_of_the_set_are_groups(folder):
    assert refuge2.recognises(folder)
    dataset = refuge2.read(folder)
    assert [(case.name, case.patient, case.group) for case in dataset.cases] == [
        ("test-T0001", "T0001", "test"),
        ("train-g0001", "g0001", "train"),
        ("train-n0001", "n0001", "train"),
        ("val-V0001", "V0001", "validation"),
    ]
    assert (dataset.channels, dataset.dimensions) == (("red", "green", "blue"), 2)
    assert [info.name for info in dataset.classes] == ["disc rim", "cup"]


@pytest.mark.parametrize(("name", "group", "row"), [("train-n0001", "train", 1), ("val-V0001", "val", 0)])
def test_rim_is_one_and_cup_is_two(name, group, row, folder):
    _, mask = eye(group, row)
    assert set(np.unique(mask)) == {0, 128, 255}
    (read,) = read_case(folder, name).reads
    np.testing.assert_array_equal(read.data[0] == 1, mask == 128)
    np.testing.assert_array_equal(read.data[0] == 2, mask == 0)


def test_colours_are_three_channels_as_the_file_has_them(folder):
    scan = read_case(folder).scan
    stored = np.array(Image.open(folder / "train" / "images" / "g0001.jpg"))
    np.testing.assert_array_equal(scan.data[:, 0], np.moveaxis(stored, -1, 0))
    assert (scan.channels, scan.data.dtype) == (("red", "green", "blue"), np.uint8)


def test_a_photograph_without_a_mask_and_a_mask_alone_are_problems(folder):
    (folder / "train" / "mask" / "g0001.bmp").unlink()
    (folder / "test" / "images" / "T0001.jpg").unlink()
    dataset = refuge2.read(folder)
    assert [problem.case for problem in dataset.problems] == ["train-g0001", "test-T0001"]
    assert "has an image and no mask" in dataset.problems[0].sentence
    assert "has a mask and no image" in dataset.problems[1].sentence
    assert len(dataset.cases) == 2


def test_a_set_without_any_mask_is_refused(folder):
    for mask in folder.glob("*/mask/*"):
        mask.unlink()
    with pytest.raises(DatasetError, match="holds no case"):
        refuge2.read(folder)


def test_a_mask_of_other_values_is_told(folder):
    path = folder / "train" / "mask" / "g0001.bmp"
    values = np.array(Image.open(path))
    values[3, 4] = 90
    Image.fromarray(values).save(path)
    with pytest.raises(ScanError, match="mask of train-g0001 holds 90, where 0 is the cup, 128 the rim"):
        read_case(folder)


def test_a_mask_of_another_size_is_told(folder):
    Image.new("L", (30, 128), 255).save(folder / "train" / "mask" / "g0001.bmp")
    with pytest.raises(GridMismatchError, match="does not lie on its image"):
        read_case(folder)


@pytest.mark.parametrize("file", ["images/g0001.jpg", "mask/g0001.bmp"])
@pytest.mark.parametrize("kept", [0, 60, 1500])
def test_a_file_cut_short_is_told(file, kept, folder):
    path = folder / "train" / file
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ScanError, match=r"of train-g0001 is no PNG|of train-g0001 is damaged"):
        read_case(folder)


def test_a_bitmap_that_declares_an_absurd_size_is_told(folder):
    path = folder / "train" / "mask" / "g0001.bmp"
    content = bytearray(path.read_bytes())
    content[18:26] = (60_000).to_bytes(4, "little") * 2
    path.write_bytes(content)
    with pytest.raises(ScanError, match="more than 67108864 pixels"):
        read_case(folder)


def test_other_folders_are_not_recognised(tmp_path):
    (tmp_path / "train" / "images").mkdir(parents=True)
    (tmp_path / "train" / "labels").mkdir()
    assert not refuge2.recognises(tmp_path)
    assert not refuge2.recognises(HDF5)
