"""Folders with images/ and labels/, on two real crops of a head."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import napari_diffseg as nd
from napari_diffseg.datasets import pairs

DATA = Path(__file__).parents[1] / "data"
HIPPOCAMPUS = DATA / "hippocampus"


@pytest.fixture
def folder(tmp_path):
    """The two crops, to be spoilt."""
    for part in ("images", "labels"):
        shutil.copytree(HIPPOCAMPUS / part, tmp_path / part)
    return tmp_path


def voxels(path):
    return np.asarray(nib.load(path).dataobj)


def rewrite(path, change):
    image = nib.load(path)
    nib.save(nib.Nifti1Image(change(np.asarray(image.dataobj)), image.affine), path)


def test_a_case_is_a_file_of_one_name_in_both_folders():
    dataset = pairs.read(HIPPOCAMPUS)
    assert [case.name for case in dataset.cases] == ["hippocampus_017", "hippocampus_148"]
    assert [case.patient for case in dataset.cases] == ["hippocampus_017", "hippocampus_148"]
    assert (dataset.channels, dataset.modality, dataset.dimensions) == (("image",), "", 3)
    assert not dataset.problems
    found = dataset.cases[0].read()
    (mask,) = found.reads
    stored = voxels(HIPPOCAMPUS / "labels" / "hippocampus_017.nii.gz")
    assert np.bincount(mask.data.ravel()).tolist() == np.bincount(stored.ravel()).tolist()
    assert found.scan.data.max() == voxels(HIPPOCAMPUS / "images" / "hippocampus_017.nii.gz").max()
    assert found.scan.grid.matches(mask.grid)


def test_without_names_every_value_in_the_masks_is_a_class_of_its_own_colour():
    first, second = pairs.read(HIPPOCAMPUS).classes
    assert (first.name, second.name) == ("class 1", "class 2")
    assert first.colour != second.colour


def test_a_mask_of_0_and_255_has_one_class_with_label_1(folder):
    for path in (folder / "labels").iterdir():
        rewrite(path, lambda data: np.where(data > 0, 255, 0).astype(np.uint8))
    dataset = pairs.read(folder)
    assert [info.name for info in dataset.classes] == ["class 255"]
    for case in dataset.cases:
        assert np.unique(case.read().reads[0].data).tolist() == [0, 1]


def test_classes_are_named_by_classes_json(folder):
    told = [{"name": "anterior", "colour": "#ff9f1c", "meaning": "head"}, {"name": "posterior"}]
    (folder / "classes.json").write_text(json.dumps(told))
    first, second = pairs.read(folder).classes
    assert (first.name, first.colour, first.meaning) == ("anterior", "#ff9f1c", "head")
    assert second.name == "posterior"
    assert second.colour.startswith("#")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"1": "anterior"}',
        "[]",
        '[{"colour": "#ff9f1c"}]',
        '[{"name": "a", "colour": "red"}]',
        "[" * 9999,
    ],
)
def test_a_wrong_classes_json_is_refused_by_name(folder, text):
    (folder / "classes.json").write_text(text)
    with pytest.raises(nd.DatasetError, match=r"classes\.json is not right at"):
        pairs.read(folder)


def test_a_folder_of_masks_holds_one_for_each_rater_in_the_order_of_their_names(folder):
    label = folder / "labels" / "hippocampus_017.nii.gz"
    raters = folder / "labels" / "hippocampus_017"
    raters.mkdir()
    shutil.copy(label, raters / "anna.nii.gz")
    label.rename(raters / "bert.nii.gz")
    rewrite(raters / "bert.nii.gz", lambda data: (data == 1).astype(np.uint8))
    several, one = (case.read().reads for case in pairs.read(folder).cases)
    assert [np.unique(mask.data).tolist() for mask in several] == [[0, 1, 2], [0, 1]]
    assert len(one) == 1


def test_an_image_or_a_mask_alone_is_a_problem_and_no_case(folder):
    (folder / "labels" / "hippocampus_017.nii.gz").rename(folder / "labels" / "other.nii.gz")
    dataset = pairs.read(folder)
    assert [case.name for case in dataset.cases] == ["hippocampus_148"]
    told = {problem.case: problem.sentence for problem in dataset.problems}
    assert told.keys() == {"hippocampus_017", "other"}
    assert "no mask" in told["hippocampus_017"]
    assert "no image" in told["other"]


def test_files_that_a_system_hid_and_folders_are_no_cases(folder):
    for part in ("images", "labels"):
        (folder / part / "._hippocampus_017.nii.gz").write_bytes(b"")
        (folder / part / "folder.nii.gz").mkdir()
    dataset = pairs.read(folder)
    assert len(dataset.cases) == 2
    assert not dataset.problems


def test_a_sequence_that_all_names_speak_of_names_the_channel(tmp_path):
    for part, source in (("images", "flair"), ("labels", "lesions")):
        (tmp_path / part).mkdir()
        shutil.copy(DATA / "ms_lesions" / f"{source}.nii.gz", tmp_path / part / "patient19_FLAIR.nii.gz")
    dataset = pairs.read(tmp_path)
    assert (dataset.channels, dataset.modality) == (("flair",), "MR")
    scan = dataset.cases[0].read().scan
    assert (scan.channels, scan.modality) == (("flair",), "MR")


def test_a_folder_without_pairs_says_what_it_expects(tmp_path):
    with pytest.raises(nd.DatasetError, match="images/ and labels/"):
        pairs.read(tmp_path)


def test_a_folder_whose_masks_are_all_empty_is_refused(folder):
    for path in (folder / "labels").iterdir():
        rewrite(path, np.zeros_like)
    with pytest.raises(nd.DatasetError, match="0 values other than 0"):
        pairs.read(folder)


def test_a_mask_of_another_image_is_refused_with_both_sizes(folder):
    shutil.copy(folder / "labels" / "hippocampus_148.nii.gz", folder / "labels" / "hippocampus_017.nii.gz")
    with pytest.raises(
        nd.GridMismatchError, match=r"hippocampus_017 .* 32 × 48 × 34 against 32 × 48 × 35 voxels"
    ):
        pairs.read(folder).cases[0].read()


def test_cases_are_chosen_by_name_in_the_order_asked_for_and_a_missing_one_is_named():
    dataset = pairs.read(HIPPOCAMPUS)
    names = ("hippocampus_148", "hippocampus_017")
    assert tuple(case.name for case in dataset.chosen(names)) == names
    with pytest.raises(nd.DatasetError, match="lacks 1 of the 2 cases asked for, such as hippocampus_999"):
        dataset.chosen(("hippocampus_017", "hippocampus_999"))
