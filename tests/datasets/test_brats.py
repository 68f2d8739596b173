"""Folders of the forms of BraTS 2020, 2021 and 2023, made from four real MR sequences with lesions.

No case of BraTS itself may be passed on; the lesions stand for tumours, cut into its three labels.
"""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import napari_diffseg as nd
from napari_diffseg.datasets import brats

LESIONS = Path(__file__).parents[1] / "data" / "ms_lesions"
SOURCES = {"t1": "t1", "t1ce": "t1_contrast", "t2": "t2", "flair": "flair"}
ENDINGS_2020 = {"t1": "_t1", "t1ce": "_t1ce", "t2": "_t2", "flair": "_flair", "seg": "_seg"}
ENDINGS_2023 = {"t1": "-t1n", "t1ce": "-t1c", "t2": "-t2w", "flair": "-t2f", "seg": "-seg"}
CASES = {
    "BraTS20_Training_001": (ENDINGS_2020, (1, 2, 4)),
    "BraTS2021_00000": (ENDINGS_2020, (1, 2, 4)),
    "BraTS-GLI-00000-000": (ENDINGS_2023, (1, 2, 3)),
}


def tumour(values):
    """The lesions in three slabs, one for each value."""
    image = nib.load(LESIONS / "lesions.nii.gz")
    slabs = np.repeat(np.array(values, dtype=np.uint8), [20, 20, 24])
    return nib.Nifti1Image(np.asarray(image.dataobj) * slabs[:, None, None], image.affine)


def lay(root, name, endings=None, values=None):
    folder = root / name
    folder.mkdir()
    endings, values = (endings, values) if endings else CASES[name]
    for channel, source in SOURCES.items():
        shutil.copy(LESIONS / f"{source}.nii.gz", folder / f"{name}{endings[channel]}.nii.gz")
    nib.save(tumour(values), folder / f"{name}{endings['seg']}.nii.gz")
    return folder


@pytest.mark.parametrize("name", CASES)
def test_each_year_gives_the_same_channels_and_labels(tmp_path, name):
    lay(tmp_path, name)
    dataset = brats.read(tmp_path)
    assert dataset.channels == ("t1", "t1ce", "t2", "flair")
    assert [info.name for info in dataset.classes] == ["necrotic core", "oedema", "enhancing tumour"]
    (case,) = dataset.cases
    found = case.read()
    assert found.scan.modality == "MR"
    for data, channel in zip(found.scan.data, dataset.channels, strict=True):
        assert np.array_equal(data, nd.read_volume(LESIONS / f"{SOURCES[channel]}.nii.gz").data[0])
    counts = np.bincount(np.asarray(tumour((1, 2, 3)).dataobj).ravel())
    assert np.bincount(found.reads[0].data.ravel()).tolist() == counts.tolist()
    assert counts.min() > 0


def test_years_lie_side_by_side_and_visits_of_2023_are_one_patient(tmp_path):
    for name in CASES:
        lay(tmp_path, name)
    lay(tmp_path, "BraTS-GLI-00000-001", *CASES["BraTS-GLI-00000-000"])
    (tmp_path / "name_mapping.csv").touch()
    assert {case.name: case.patient for case in brats.read(tmp_path).cases} == {
        "BraTS-GLI-00000-000": "BraTS-GLI-00000",
        "BraTS-GLI-00000-001": "BraTS-GLI-00000",
        "BraTS20_Training_001": "BraTS20_Training_001",
        "BraTS2021_00000": "BraTS2021_00000",
    }


def test_the_mask_that_2020_misnamed_is_found(tmp_path):
    folder = lay(tmp_path, "BraTS20_Training_001")
    (folder / "BraTS20_Training_001_seg.nii.gz").rename(folder / "W39_1998.09.19_Segm.nii.gz")
    (case,) = brats.read(tmp_path).cases
    assert case.read().reads[0].data.max() == 3


@pytest.mark.parametrize(("missing", "sentence"), [("_t1ce", "no image"), ("_seg", "no mask")])
def test_a_case_without_a_file_is_a_problem_that_names_it(tmp_path, missing, sentence):
    lay(tmp_path, "BraTS2021_00000")
    folder = lay(tmp_path, "BraTS20_Training_001")
    (folder / f"BraTS20_Training_001{missing}.nii.gz").unlink()
    dataset = brats.read(tmp_path)
    assert [case.name for case in dataset.cases] == ["BraTS2021_00000"]
    (problem,) = dataset.problems
    assert f"{sentence} BraTS20_Training_001{missing}" in problem.sentence


def test_data_for_validation_have_no_masks_and_are_refused(tmp_path):
    (lay(tmp_path, "BraTS2021_00000") / "BraTS2021_00000_seg.nii.gz").unlink()
    with pytest.raises(nd.DatasetError, match="first of 1 problems, BraTS2021_00000: There is no mask"):
        brats.read(tmp_path)


def test_a_label_of_another_year_is_refused(tmp_path):
    lay(tmp_path, "BraTS2021_00000", ENDINGS_2020, (1, 2, 3))
    (case,) = brats.read(tmp_path).cases
    with pytest.raises(nd.DatasetError, match="holds the value 3, where its classes are 1, 2, 4"):
        case.read()


def test_only_folders_named_as_cases_are_recognised(tmp_path):
    (tmp_path / "BraTS2021_00000").touch()
    (tmp_path / "BraTS notes").mkdir()
    assert not brats.recognises(tmp_path)
    (tmp_path / "BraTS-MET-00001-000").mkdir()
    assert brats.recognises(tmp_path)
