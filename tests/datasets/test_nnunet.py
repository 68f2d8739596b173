"""dataset.json of the Decathlon and of nnU-Net: folders of their forms, made from real crops."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import napari_diffseg as nd
from napari_diffseg.datasets import nnunet

DATA = Path(__file__).parents[1] / "data"
NAMES = ("hippocampus_017", "hippocampus_148")
SEQUENCES = ("flair", "t1", "t1_contrast", "t2")

DECATHLON = {
    "name": "Hippocampus",
    "reference": "Vanderbilt University Medical Center",
    "licence": "CC-BY-SA 4.0",
    "tensorImageSize": "3D",
    "modality": {"0": "MRI"},
    "labels": {"0": "background", "1": "Anterior", "2": "Posterior"},
    "numTraining": 2,
    "training": [
        {"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in NAMES
    ],
    "test": ["./imagesTs/hippocampus_002.nii.gz"],
}
NNUNET_2 = {
    "channel_names": {"0": "MRI"},
    "labels": {"background": 0, "Anterior": 1, "Posterior": 2},
    "numTraining": 2,
    "file_ending": ".nii.gz",
    "license": "CC-BY-SA 4.0",
    "reference": None,
}


@pytest.fixture
def decathlon(tmp_path):
    return laid_out(tmp_path, DECATHLON, "")


@pytest.fixture
def nnunet_2(tmp_path):
    return laid_out(tmp_path, NNUNET_2, "_0000")


def laid_out(root, described, channel):
    for part, source, ending in (("imagesTr", "images", channel), ("labelsTr", "labels", "")):
        (root / part).mkdir(parents=True)
        for name in NAMES:
            shutil.copy(
                DATA / "hippocampus" / source / f"{name}.nii.gz", root / part / f"{name}{ending}.nii.gz"
            )
    describe(root, described)
    return root


def describe(root, described, **changes):
    text = described if isinstance(described, str) else json.dumps({**described, **changes})
    (root / "dataset.json").write_text(text)


def check(dataset):
    assert [case.name for case in dataset.cases] == list(NAMES)
    assert [info.name for info in dataset.classes] == ["Anterior", "Posterior"]
    assert (dataset.channels, dataset.modality, dataset.licence) == (("MRI",), "MR", "CC-BY-SA 4.0")
    assert not dataset.problems
    for case in dataset.cases:
        found = case.read()
        stored = nd.read_volume(DATA / "hippocampus" / "images" / f"{case.name}.nii.gz")
        assert np.array_equal(found.scan.data, stored.data)
        assert np.unique(found.reads[0].data).tolist() == [0, 1, 2]
        assert (found.scan.channels, found.scan.modality) == (("MRI",), "MR")


def test_the_decathlon_lists_cases_and_tells_licence_and_source(decathlon):
    dataset = nnunet.read(decathlon)
    check(dataset)
    assert dataset.citation == "Vanderbilt University Medical Center"


def test_nnunet_1_lists_the_same_names_for_files_with_channel_numbers(tmp_path):
    check(nnunet.read(laid_out(tmp_path, DECATHLON, "_0000")))


def test_nnunet_2_lists_nothing_and_its_files_are_found(nnunet_2):
    check(nnunet.read(nnunet_2))


def test_a_4d_image_of_the_decathlon_holds_every_channel_by_its_usual_name(tmp_path):
    root = brain_tumour(tmp_path, volumes=SEQUENCES)
    dataset = nnunet.read(root)
    assert dataset.channels == ("flair", "t1", "t1ce", "t2")
    scan = dataset.cases[0].read().scan
    for data, name in zip(scan.data, SEQUENCES, strict=True):
        assert np.array_equal(data, nd.read_volume(DATA / "ms_lesions" / f"{name}.nii.gz").data[0])


def test_a_4d_image_with_a_volume_too_few_is_refused(tmp_path):
    (case,) = nnunet.read(brain_tumour(tmp_path, volumes=SEQUENCES[:3])).cases
    with pytest.raises(
        nd.ScanError, match=r"BRATS_001\.nii\.gz holds 3 volumes, where the channels are flair"
    ):
        case.read()


def brain_tumour(root, volumes):
    images = [nib.load(DATA / "ms_lesions" / f"{name}.nii.gz") for name in volumes]
    for part in ("imagesTr", "labelsTr"):
        (root / part).mkdir()
    stack = np.stack([image.get_fdata(dtype=np.float32) for image in images], axis=-1)
    nib.save(nib.Nifti1Image(stack, images[0].affine), root / "imagesTr" / "BRATS_001.nii.gz")
    shutil.copy(DATA / "ms_lesions" / "lesions.nii.gz", root / "labelsTr" / "BRATS_001.nii.gz")
    listed = {"image": "./imagesTr/BRATS_001.nii.gz", "label": "./labelsTr/BRATS_001.nii.gz"}
    describe(
        root,
        DECATHLON,
        modality={"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
        labels={"0": "background", "1": "lesion"},
        training=[listed],
    )
    return root


def test_channels_of_nnunet_2_are_read_in_the_order_of_their_numbers(tmp_path):
    for part in ("imagesTr", "labelsTr"):
        (tmp_path / part).mkdir()
    for number, name in enumerate(SEQUENCES):
        shutil.copy(
            DATA / "ms_lesions" / f"{name}.nii.gz", tmp_path / "imagesTr" / f"p19_{number:04d}.nii.gz"
        )
    shutil.copy(DATA / "ms_lesions" / "lesions.nii.gz", tmp_path / "labelsTr" / "p19.nii.gz")
    channels = {"3": "T2", "0": "FLAIR", "2": "T1Gd", "1": "T1"}
    describe(tmp_path, NNUNET_2, channel_names=channels, labels={"background": 0, "lesion": 1})
    scan = nnunet.read(tmp_path).cases[0].read().scan
    assert scan.channels == ("flair", "t1", "t1ce", "t2")
    assert np.array_equal(scan.data[0], nd.read_volume(DATA / "ms_lesions" / "flair.nii.gz").data[0])
    assert np.array_equal(scan.data[3], nd.read_volume(DATA / "ms_lesions" / "t2.nii.gz").data[0])


def test_channels_of_one_name_are_numbered(nnunet_2):
    describe(nnunet_2, NNUNET_2, channel_names={"0": "noNorm", "1": "noNorm"})
    for path in list((nnunet_2 / "imagesTr").iterdir()):
        shutil.copy(path, path.with_name(path.name.replace("_0000", "_0001")))
    assert nnunet.read(nnunet_2).cases[0].read().scan.channels == ("noNorm 1", "noNorm 2")


def test_labels_with_a_gap_become_consecutive(nnunet_2):
    path = nnunet_2 / "labelsTr" / f"{NAMES[0]}.nii.gz"
    image = nib.load(path)
    data = np.asarray(image.dataobj)
    nib.save(nib.Nifti1Image(np.where(data == 2, 7, data).astype(np.uint8), image.affine), path)
    describe(nnunet_2, NNUNET_2, labels={"Posterior": 7, "background": 0, "Anterior": 1})
    dataset = nnunet.read(nnunet_2)
    assert [info.name for info in dataset.classes] == ["Anterior", "Posterior"]
    first, second = dataset.cases
    (mask,) = first.read().reads
    assert np.count_nonzero(mask.data == 2) == np.count_nonzero(data == 2) > 0
    with pytest.raises(
        nd.DatasetError, match=r"hippocampus_148\.nii\.gz holds the value 2, where its classes are 1, 7"
    ):
        second.read()


@pytest.mark.parametrize(
    "text", ["../../secret.nii.gz", "imagesTr/../../x.nii.gz", "/etc/passwd", "..\\x.nii.gz", "C:\\x"]
)
@pytest.mark.parametrize("part", ["image", "label"])
def test_a_path_that_leaves_the_folder_is_a_problem_of_its_case(decathlon, part, text):
    first, second = DECATHLON["training"]
    describe(decathlon, DECATHLON, training=[{**first, part: text}, second])
    dataset = nnunet.read(decathlon)
    assert [case.name for case in dataset.cases] == [NAMES[1]]
    (problem,) = dataset.problems
    assert f"“{text}”, which lies outside its folder" in problem.sentence


def test_a_folder_whose_every_case_is_refused_says_why(decathlon):
    describe(decathlon, DECATHLON, training=[{"image": "../x.nii.gz", "label": "../y.nii.gz"}])
    with pytest.raises(nd.DatasetError, match=r"holds no case.*first of 1 problems, y: .*outside its folder"):
        nnunet.read(decathlon)


@pytest.mark.parametrize(
    ("part", "sentence"), [("labelsTr", "There is no mask"), ("imagesTr", "There is no image")]
)
def test_a_file_that_is_listed_and_missing_is_a_problem(decathlon, part, sentence):
    (decathlon / part / f"{NAMES[0]}.nii.gz").unlink()
    (problem,) = nnunet.read(decathlon).problems
    assert problem.case == NAMES[0]
    assert problem.sentence.startswith(sentence)


def test_a_name_listed_twice_or_too_long_for_a_file_is_a_problem(decathlon):
    first, _ = DECATHLON["training"]
    long = {"image": f"{'i' * 500}.nii.gz", "label": f"{'l' * 500}.nii.gz"}
    describe(decathlon, DECATHLON, training=[first, first, long])
    dataset = nnunet.read(decathlon)
    assert [case.name for case in dataset.cases] == [NAMES[0]]
    assert ["two cases" in problem.sentence for problem in dataset.problems] == [True, False]


def test_a_missing_channel_and_an_image_without_mask_are_problems_of_nnunet_2(nnunet_2):
    describe(nnunet_2, NNUNET_2, channel_names={"0": "T1", "1": "T2"})
    shutil.copy(
        nnunet_2 / "imagesTr" / f"{NAMES[0]}_0000.nii.gz", nnunet_2 / "imagesTr" / f"{NAMES[0]}_0001.nii.gz"
    )
    shutil.copy(
        nnunet_2 / "imagesTr" / f"{NAMES[0]}_0000.nii.gz", nnunet_2 / "imagesTr" / "lonely_0000.nii.gz"
    )
    told = {problem.case: problem.sentence for problem in nnunet.read(nnunet_2).problems}
    assert told.keys() == {NAMES[1], "lonely"}
    assert f"no image {NAMES[1]}_0001.nii.gz" in told[NAMES[1]]
    assert "no mask" in told["lonely"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"labels": {"background": 0, "whole tumour": [1, 2], "core": 2}}, "“whole tumour” is a region"),
        ({"labels": {"background": 0, "organ": 1, "ignore": 2}}, "“ignore” marks voxels without an answer"),
        ({"labels": {"background": 0}}, "no label but the background has a name"),
        ({"labels": {"background": 0, "a": 1, "b": 1}}, "two names stand for one label"),
        ({"labels": {"background": 0, "a": -1}}, "-1 is no label"),
        ({"labels": {"background": 0, "a": 1.5}}, "1.5 is no label"),
        ({"labels": {"background": 0, "a": 10**400}}, "is no label"),
        ({"labels": {"background": 0, "a": {"b": 1}}}, "is no label"),
        ({"labels": ["background", "organ"]}, "a name for each label is expected"),
        ({"labels": {f"class {k}": k for k in range(300)}}, "labels"),
        ({"channel_names": {}}, "channel_names"),
        ({"channel_names": {"first": "CT"}}, "channel_names"),
        ({"channel_names": ["CT"]}, "channel_names"),
        ({"file_ending": ".nrrd"}, "files ending in .nrrd are not read"),
        ({"training": [{"image": "a"}]}, "training"),
        ({"training": ["a.nii.gz"]}, "training"),
    ],
)
def test_a_wrong_part_of_dataset_json_is_named(nnunet_2, changes, sentence):
    describe(nnunet_2, NNUNET_2, **changes)
    with pytest.raises(nd.DatasetError, match=r"dataset\.json is not right at") as refused:
        nnunet.read(nnunet_2)
    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"labels": ' * 9999, "\ud800"])
def test_what_is_no_dataset_json_is_refused(nnunet_2, text):
    (nnunet_2 / "dataset.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(nd.DatasetError, match=r"dataset\.json is not right at"):
        nnunet.read(nnunet_2)
