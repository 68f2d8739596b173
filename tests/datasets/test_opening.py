"""Which layout a folder has."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import napari_diffseg as nd
from napari_diffseg.datasets.opening import LAYOUTS, Layout, open_dataset

HIPPOCAMPUS = Path(__file__).parents[1] / "data" / "hippocampus"
TITLES = [layout.TITLE for layout in LAYOUTS]


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_a_folder_of_pairs_is_opened_as_one(monkeypatch):
    dataset = open_dataset(HIPPOCAMPUS)
    assert (dataset.layout, len(dataset.cases)) == ("images and labels", 2)
    monkeypatch.chdir(HIPPOCAMPUS)
    assert open_dataset(Path()).root.name == "hippocampus"


@pytest.mark.parametrize(
    ("paths", "title"),
    [
        (("imagesTr/amos_0001.nii.gz", "dataset.json"), "AMOS22"),
        (("imagesTr/amos_0507_0000.nii.gz", "dataset.json"), "Medical Segmentation Decathlon or nnU-Net"),
        (("BraTS2021_00000/BraTS2021_00000_seg.nii.gz",), "BraTS"),
        (("001000_img.nii", "001000_mask.nii"), "Prostate MR"),
        (("images/a.nii.gz", "labels/a.nii.gz"), "images and labels"),
    ],
)
def test_the_first_layout_that_recognises_a_folder_is_the_most_specific(tmp_path, paths, title):
    touch(tmp_path, *paths)
    assert next(layout.TITLE for layout in LAYOUTS if layout.recognises(tmp_path)) == title


def test_every_layout_says_what_it_is_and_expects():
    assert all(isinstance(layout, Layout) for layout in LAYOUTS)
    assert len(set(TITLES)) == len(TITLES)
    assert all("\n" not in layout.EXPECTS and len(layout.EXPECTS) < 110 for layout in LAYOUTS)


@pytest.mark.parametrize("strange", [(), ("notes.txt",), ("images/a.nii.gz",), ("BraTS", "dataset.json/x")])
def test_a_folder_of_no_layout_is_refused_with_all_that_are_known(tmp_path, strange):
    touch(tmp_path, *strange)
    with pytest.raises(nd.DatasetError, match="no layout known here") as refused:
        open_dataset(tmp_path)
    assert all(title in str(refused.value) for title in TITLES)


def test_a_file_of_no_layout_is_refused_likewise(tmp_path):
    touch(tmp_path, "scan.nii.gz")
    with pytest.raises(nd.DatasetError, match="no layout known here"):
        open_dataset(tmp_path / "scan.nii.gz")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(nd.DatasetError, match=r"There is no folder .*nowhere"):
        open_dataset(tmp_path / "nowhere")


def test_the_layout_that_fits_says_what_is_wrong(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": {"0": "CT"}}))
    with pytest.raises(nd.DatasetError, match=r"dataset\.json is not right at “labels”"):
        open_dataset(tmp_path)


def test_data_sets_are_opened_without_torch_and_qt():
    program = """
import sys
from pathlib import Path
from napari_diffseg.datasets.inspection import inspect
from napari_diffseg.datasets.opening import open_dataset
list(inspect(open_dataset(Path(sys.argv[1]))))
print(sorted({"torch", "monai", "napari", "qtpy"} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, HIPPOCAMPUS], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
