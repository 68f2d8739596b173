"""Folders of the form of AMOS22, made from two real crops with masks."""

import json
import shutil
from pathlib import Path

import pytest

import napari_diffseg as nd
from napari_diffseg.datasets import amos

HIPPOCAMPUS = Path(__file__).parents[1] / "data" / "hippocampus"


def lay(root, *, training=(), validation=()):
    for part, numbers in (("Tr", training), ("Va", validation)):
        for kind in ("images", "labels"):
            folder = root / f"{kind}{part}"
            folder.mkdir()
            for number in numbers:
                shutil.copy(
                    HIPPOCAMPUS / kind / "hippocampus_148.nii.gz", folder / f"amos_{number:04d}.nii.gz"
                )
    (root / "dataset.json").write_text(json.dumps({"name": "AMOS"}))
    return root


def names(dataset, group):
    return [int(case.name.removeprefix("amos_")) for case in dataset.cases if case.group == group]


def test_the_first_tenth_of_each_modality_s_validation_files_chooses_and_the_rest_is_the_test(tmp_path):
    held_back = (*range(8, 28), 501, *range(511, 520))
    dataset = amos.read(lay(tmp_path, training=(1, 4, 507), validation=held_back))
    assert names(dataset, "train") == [1, 4, 507]
    assert names(dataset, "validation") == [8, 9, 501]
    assert names(dataset, "test") == [*range(10, 28), *range(511, 520)]


def test_ct_ends_at_500_and_a_folder_with_both_has_no_one_modality(tmp_path):
    dataset = amos.read(lay(tmp_path, training=(500, 501)))
    assert dataset.modality == ""
    assert [case.read().scan.modality for case in dataset.cases] == ["CT", "MR"]


@pytest.mark.parametrize(("number", "modality"), [(1, "CT"), (600, "MR")])
def test_a_folder_of_one_modality_says_so(tmp_path, number, modality):
    assert amos.read(lay(tmp_path, training=(number,))).modality == modality


def test_there_are_15_organs_in_the_order_of_the_labels(tmp_path):
    organs = [info.name for info in amos.read(lay(tmp_path, training=(1,))).classes]
    assert len(organs) == len(set(organs)) == 15
    assert (organs[0], organs[5], organs[9], organs[14]) == (
        "spleen",
        "liver",
        "pancreas",
        "prostate or uterus",
    )


def test_an_image_without_its_mask_is_a_problem(tmp_path):
    lay(tmp_path, training=(1, 4), validation=(8,))
    (tmp_path / "labelsVa" / "amos_0008.nii.gz").unlink()
    dataset = amos.read(tmp_path)
    assert [case.name for case in dataset.cases] == ["amos_0001", "amos_0004"]
    assert [problem.case for problem in dataset.problems] == ["amos_0008"]


def test_a_folder_without_masks_is_refused(tmp_path):
    shutil.rmtree(lay(tmp_path, training=(1,)) / "labelsTr")
    assert amos.recognises(tmp_path)
    with pytest.raises(nd.DatasetError, match=r"holds no case.*amos_0001: There is no mask"):
        amos.read(tmp_path)
