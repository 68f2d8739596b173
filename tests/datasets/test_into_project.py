"""Data sets with several masks a case as rater projects."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_diffseg.datasets.into_project import SLOTS_ARE_PLACES, project_of
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.finished_read import reads_of
from napari_diffseg.raters.lidc.notes import SLOTS, UNBLINDED
from napari_diffseg.raters.lidc_form import LIDC_FORM

DATA = Path(__file__).parents[1] / "data"
NODULES, HDF5, PNG, CIMD = (
    DATA / "lidc_nodules",
    DATA / "lidc" / "hdf5",
    DATA / "lidc" / "png",
    DATA / "lidc" / "cimd",
)


def ccdm(folder):
    """The same crops with the readers' axis second."""
    folder.mkdir()
    shutil.copyfile(HDF5 / "index.csv", folder / "index.csv")
    with h5py.File(HDF5 / "data_lidc.hdf5") as old, h5py.File(folder / "data_lidc.hdf5", "w") as new:
        for group in old:
            for name in old[group]:
                array = old[group][name][:]
                new[f"{group}/{name}"] = np.moveaxis(array, -1, 1) if name == "labels" else array
    return folder


def assert_same_masks(project, dataset):
    assert [case.name for case in project.document.cases] == [case.name for case in dataset.cases]
    for case in dataset.cases:
        found = case.read()
        reads = reads_of(project, case.name, by=None)
        assert len(reads) == len(found.reads)
        for read, mask in zip(reads, found.reads, strict=True):
            assert np.array_equal(read.class_mask().data, mask.data)
            assert read.class_mask().grid.matches(found.scan.grid)
        assert np.allclose(project.scan(case.name).data, found.scan.data)
        assert project.case(case.name).patient == case.patient


@pytest.mark.parametrize("path", [NODULES, HDF5, PNG, CIMD], ids=lambda path: path.name)
def test_every_mask_becomes_a_read_on_its_image(tmp_path, path):
    dataset = open_dataset(path)
    project = project_of(dataset, tmp_path / "project")
    assert project.document.raters == ("slot 1", "slot 2", "slot 3", "slot 4")
    assert_same_masks(project, dataset)


def test_both_orders_of_the_readers_axis_give_the_same_reads(tmp_path):
    dataset = open_dataset(ccdm(tmp_path / "ccdm"))
    assert_same_masks(project_of(dataset, tmp_path / "project"), open_dataset(HDF5 / "data_lidc.hdf5"))


def test_the_project_says_that_a_slot_is_no_reader(tmp_path):
    project = project_of(open_dataset(PNG), tmp_path / "project")
    assert project.document.notes[:3] == (SLOTS_ARE_PLACES, UNBLINDED, SLOTS)
    assert any("CC BY 3.0" in note for note in project.document.notes)
    reads = reads_of(project, project.document.cases[0].name, by=None)
    assert {(read.record.kind, read.record.phase) for read in reads} == {("imported", "unblinded")}


def test_ratings_go_with_the_nodule_that_they_are_of(tmp_path):
    project = project_of(open_dataset(NODULES), tmp_path / "project")
    assert project.document.form == LIDC_FORM
    for nodule in json.loads((NODULES / "nodules.json").read_text()):
        reads = reads_of(project, nodule["name"], by=None)
        for read, malignancy, subtlety in zip(reads, nodule["malignancy"], nodule["subtlety"], strict=True):
            if malignancy is None:
                assert read.lesions() == ()
            else:
                (lesion,) = read.lesions()
                assert lesion.ratings == {"malignancy": malignancy, "subtlety": subtlety}
                assert lesion.kind == "nodule"


def test_a_part_of_a_data_set_can_be_taken(tmp_path):
    dataset = open_dataset(HDF5)
    chosen = replace(dataset, cases=dataset.chosen(["test-00001", "train-00000"]))
    project = project_of(chosen, tmp_path / "project")
    assert [case.name for case in project.document.cases] == ["test-00001", "train-00000"]


def test_cases_that_cannot_be_read_are_left_out_and_named(tmp_path):
    folder = Path(shutil.copytree(NODULES, tmp_path / "nodules"))
    (folder / "LIDC-IDRI-0003_n02" / "image.nii.gz").write_bytes(b"no scan")
    project = project_of(open_dataset(folder), tmp_path / "project")
    assert len(project.document.cases) == 1
    assert any(note.startswith("LIDC-IDRI-0003_n02 was left out. ") for note in project.document.notes)


def test_cases_of_more_masks_add_raters(tmp_path):
    pairs = tmp_path / "pairs"
    (pairs / "images").mkdir(parents=True)
    for number, nodule in enumerate(sorted(path for path in NODULES.iterdir() if path.is_dir()), start=1):
        shutil.copyfile(nodule / "image.nii.gz", pairs / "images" / f"case{number}.nii.gz")
        (pairs / "labels" / f"case{number}").mkdir(parents=True)
        for mask in range(2 * number - 1):
            shutil.copyfile(
                nodule / f"mask-{mask}.nii.gz", pairs / "labels" / f"case{number}" / f"{mask}.nii.gz"
            )
    project = project_of(open_dataset(pairs), tmp_path / "project")
    assert [project.raters_of(case) for case in ("case1", "case2")] == [
        ("slot 1",),
        ("slot 1", "slot 2", "slot 3"),
    ]


def test_nothing_is_left_where_no_case_can_be_read(tmp_path):
    dataset = replace(open_dataset(NODULES), cases=())
    with pytest.raises(RaterProjectError, match="has no case that can be imported"):
        project_of(dataset, tmp_path / "project")
    assert not any(tmp_path.iterdir())
