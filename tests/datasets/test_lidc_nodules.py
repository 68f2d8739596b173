"""LIDC nodules as small volumes, files as they were made of the distributed slices."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.datasets import lidc_nodules
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.errors import DatasetError

SAMPLE = Path(__file__).parents[1] / "data" / "lidc_nodules"
TABLE = json.loads((SAMPLE / "nodules.json").read_text())


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(SAMPLE, tmp_path / "nodules"))


def test_a_folder_of_nodules_is_recognised():
    dataset = open_dataset(SAMPLE)
    assert dataset.layout == lidc_nodules.TITLE
    assert [case.name for case in dataset.cases] == [nodule["name"] for nodule in TABLE]
    assert dataset.modality == "CT"


@pytest.mark.parametrize("nodule", TABLE, ids=lambda nodule: nodule["name"])
def test_voxels_spacing_patient_and_ratings_are_those_of_the_table(nodule):
    (case,) = open_dataset(SAMPLE).chosen([nodule["name"]])
    found = case.read()
    assert case.patient == nodule["patient"]
    assert [np.count_nonzero(mask.data) for mask in found.reads] == nodule["voxels"]
    assert found.scan.data.shape[1:] == tuple(nodule["shape_zyx"])
    assert found.scan.grid.spacing_mm == pytest.approx(nodule["spacing_zyx_mm"], abs=1e-5)
    assert [rated.get("malignancy") for rated in case.ratings] == nodule["malignancy"]
    assert [rated.get("subtlety") for rated in case.ratings] == nodule["subtlety"]


def test_without_the_table_there_are_no_ratings_and_a_folder_is_a_patient(folder):
    (folder / "nodules.json").unlink()
    assert all(case.patient == case.name and case.ratings == () for case in open_dataset(folder).cases)


def test_a_folder_that_lacks_files_is_a_problem(folder):
    (folder / TABLE[0]["name"] / "mask-2.nii.gz").unlink()
    (folder / TABLE[0]["name"] / "image.nii.gz").unlink()
    dataset = open_dataset(folder)
    (problem,) = dataset.problems
    assert problem.case == TABLE[0]["name"]
    assert "has no image.nii.gz and no mask-2.nii.gz" in problem.sentence
    assert len(dataset.cases) == 1


def test_no_whole_folder_is_refused(folder):
    for nodule in TABLE:
        (folder / nodule["name"] / "mask-3.nii.gz").unlink()
    with pytest.raises(DatasetError, match="holds no case"):
        open_dataset(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not right at “the whole”"),
        (b"[{}]", "not right at “0.name”"),
        (b'[{"name": "a", "patient": "p", "malignancy": [1, 2]}]', "not right at “0.malignancy”"),
        (b'[{"name": "a", "patient": "p", "subtlety": ["x", 1, 1, 1]}]', "not right at “0.subtlety.0”"),
    ],
)
def test_a_damaged_table_is_refused(folder, content, said):
    (folder / "nodules.json").write_bytes(content)
    with pytest.raises(DatasetError, match=rf"nodules\.json is {said}"):
        open_dataset(folder)
