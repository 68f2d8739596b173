"""Everything wrong with a folder is found, case by case, on real crops that were spoilt."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_diffseg.datasets import pairs
from napari_diffseg.datasets.inspection import Inspection, inspect

HIPPOCAMPUS = Path(__file__).parents[1] / "data" / "hippocampus"
GOOD, SPOILT = "hippocampus_017", "hippocampus_148"


@pytest.fixture
def folder(tmp_path):
    for part in ("images", "labels"):
        shutil.copytree(HIPPOCAMPUS / part, tmp_path / part)
    (tmp_path / "classes.json").write_text('[{"name": "anterior"}, {"name": "posterior"}]')
    return tmp_path


def inspected(folder):
    dataset = pairs.read(folder)
    return Inspection(dataset, tuple(inspect(dataset)))


def rewrite(path, change):
    image = nib.load(path)
    nib.save(nib.Nifti1Image(change(np.asarray(image.dataobj)), image.affine), path)


def test_a_good_folder_has_facts_and_no_problem():
    inspection = inspected(HIPPOCAMPUS)
    assert (inspection.bad, inspection.verdict) == ((), "")
    first, _ = inspection.facts
    stored = [
        np.asarray(nib.load(HIPPOCAMPUS / part / f"{GOOD}.nii.gz").dataobj) for part in ("images", "labels")
    ]
    assert (first.name, first.patient, first.group) == (GOOD, GOOD, None)
    assert (first.shape, first.spacing_mm) == ((32, 48, 35), (1.0, 1.0, 1.0))
    assert first.intensities == ((float(stored[0].min()), float(stored[0].max())),)
    assert first.voxels == (tuple(np.bincount(stored[1].ravel()).tolist()[1:]),)


def test_the_summary_spans_all_cases():
    inspection = inspected(HIPPOCAMPUS)
    assert inspection.patients == 2
    assert inspection.shapes == ((32, 32), (48, 48), (34, 35))
    assert inspection.spacings_mm == ((1.0, 1.0),) * 3
    assert inspection.raters == {1: 2}
    assert inspection.groups == {None: 2}
    assert inspection.cases_of_class == (2, 2)
    ((least, most),) = inspection.intensities
    assert least == min(case.intensities[0][0] for case in inspection.facts)
    assert most == max(case.intensities[0][1] for case in inspection.facts)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-500])


def emptied(path):
    path.write_bytes(b"")


def with_nan(path):
    def spoil(data):
        spoilt = data.astype(np.float32)
        spoilt[0, 0, :3] = np.nan, np.inf, np.nan
        return spoilt

    rewrite(path, spoil)


def all_nan(path):
    rewrite(path, lambda data: np.full(data.shape, np.nan, dtype=np.float32))


def constant(path):
    rewrite(path, lambda data: np.full_like(data, 7))


def blank(path):
    rewrite(path, np.zeros_like)


def with_label_9(path):
    rewrite(path, lambda data: np.where(data == 2, 9, data).astype(np.uint8))


def with_halves(path):
    rewrite(path, lambda data: data * np.float32(0.5))


def cropped(path):
    rewrite(path, lambda data: data[:-1])


def moved(path):
    image = nib.load(path)
    affine = image.affine.copy()
    affine[0, 3] += 5
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), path)


def stretched(path):
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine @ np.diag([1, 1, 2, 1])), path)


def four_d(path):
    rewrite(path, lambda data: np.stack([data, data], axis=-1))


@pytest.mark.parametrize(
    ("spoil", "part", "sentence"),
    [
        (cut_short, "images", "is damaged or cut short"),
        (cut_short, "labels", "is damaged or cut short"),
        (emptied, "images", "is not a NIfTI volume"),
        (with_nan, "images", "3 voxels of “image” are no numbers"),
        (all_nan, "images", "voxels of “image” are no numbers"),
        (constant, "images", "“image” is 7 everywhere"),
        (four_d, "images", "holds 2 volumes (4D) where one is needed"),
        (blank, "labels", "The mask is empty"),
        (with_label_9, "labels", "holds the label 9, and there are 2 classes"),
        (with_halves, "labels", "holds 0.5 where labels are whole numbers"),
        (cropped, "labels", "32 × 48 × 33 against 32 × 48 × 34 voxels"),
        (moved, "labels", "their corners lie up to 5 mm apart"),
        (stretched, "labels", "voxels of 2 × 1 × 1 against 1 × 1 × 1 mm"),
    ],
)
def test_a_bad_case_is_told_of_and_the_others_are_not(folder, spoil, part, sentence):
    spoil(folder / part / f"{SPOILT}.nii.gz")
    inspection = inspected(folder)
    good, bad = inspection.facts
    assert good.problem == ""
    assert sentence in bad.problem
    assert [problem.case for problem in inspection.bad] == [SPOILT]
    assert inspection.verdict == (
        f"1 of 2 cases is bad: {SPOILT}. Leave it out with --skip-bad, or repair it."
    )


def test_all_that_is_wrong_with_a_case_is_told(folder):
    constant(folder / "images" / f"{SPOILT}.nii.gz")
    blank(folder / "labels" / f"{SPOILT}.nii.gz")
    _, bad = inspected(folder).facts
    assert "everywhere" in bad.problem
    assert "empty" in bad.problem


def test_an_image_of_two_patients_is_told_of_at_the_later_one(folder):
    for part in ("images", "labels"):
        shutil.copy(folder / part / f"{GOOD}.nii.gz", folder / part / "other.nii.gz")
    rewrite(folder / "labels" / "other.nii.gz", lambda data: data)  # other bytes of the file
    problems = [case.problem for case in inspected(folder).facts]
    assert problems[:2] == ["", ""]
    assert f"that of {GOOD} of another patient" in problems[2]


def test_an_empty_mask_is_bad_only_where_it_is_the_only_one(folder):
    label = folder / "labels" / f"{SPOILT}.nii.gz"
    raters = folder / "labels" / SPOILT
    raters.mkdir()
    for name in ("anna", "bert"):
        shutil.copy(label, raters / f"{name}.nii.gz")
    blank(raters / "anna.nii.gz")
    inspection = inspected(folder)
    assert inspection.verdict == ""
    assert inspection.raters == {1: 1, 2: 1}
    anna, bert = inspection.facts[1].voxels
    assert anna == (0, 0) != bert
    blank(raters / "bert.nii.gz")  # all raters may have seen nothing
    assert inspected(folder).verdict == ""


def test_cases_left_out_while_listing_count_as_bad(folder):
    (folder / "labels" / f"{SPOILT}.nii.gz").unlink()
    inspection = inspected(folder)
    assert len(inspection.facts) == 1
    assert [problem.case for problem in inspection.bad] == [SPOILT]
    assert inspection.verdict.startswith("1 of 2 cases is bad")


def test_a_data_set_of_which_nothing_can_be_read_has_no_ranges(folder):
    for path in (folder / "images").iterdir():
        emptied(path)
    inspection = inspected(folder)
    assert (inspection.shapes, inspection.spacings_mm, inspection.intensities) == ((), (), ())
    assert (inspection.raters, inspection.cases_of_class) == ({}, (0, 0))
    assert inspection.verdict.startswith("2 of 2 cases are bad")
