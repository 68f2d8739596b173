"""LIDC as JPEG crops with JPEG masks, files as they were distributed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_diffseg.datasets import cimd
from napari_diffseg.errors import DatasetError, ScanError

SAMPLE = Path(__file__).parents[1] / "data" / "lidc" / "cimd"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(SAMPLE, tmp_path / "cimd"))


def test_both_parts_are_listed_as_groups():
    assert cimd.recognises(SAMPLE)
    assert cimd.recognises(SAMPLE / "data")
    assert [(case.name, case.group) for case in cimd.read(SAMPLE).cases] == [
        ("testing-12", "test"),
        ("training-0", "train"),
        ("training-10", "train"),
    ]


def test_jpeg_masks_are_cut_at_half_their_range():
    case = cimd.read(SAMPLE).cases[1]
    labels = [np.array(Image.open(SAMPLE / f"data/training/0/label{reader}_.jpg")) for reader in range(4)]
    assert any(len(np.unique(label)) > 2 for label in labels)
    for label, read in zip(labels, case.read().reads, strict=True):
        np.testing.assert_array_equal(read.data[0], label >= 128)


@pytest.mark.parametrize("file", ["label2_.jpg", "image_1.jpg"])
def test_a_folder_that_lacks_a_file_is_a_problem(file, folder):
    (folder / "data" / "training" / "0" / file).unlink()
    dataset = cimd.read(folder)
    assert [problem.case for problem in dataset.problems] == ["training-0"]
    assert len(dataset.cases) == 2


def test_a_file_cut_short_is_told(folder):
    file = folder / "data" / "training" / "0" / "label1_.jpg"
    file.write_bytes(file.read_bytes()[:600])
    with pytest.raises(ScanError, match=r"label1_\.jpg of training-0 is damaged or cut short"):
        cimd.read(folder).cases[1].read()


def test_other_folders_are_not_recognised(tmp_path):
    assert not cimd.recognises(tmp_path)
    assert not cimd.recognises(SAMPLE.parent / "png")
    with pytest.raises(DatasetError, match="no crop with its 4 masks"):
        cimd.read(tmp_path)
