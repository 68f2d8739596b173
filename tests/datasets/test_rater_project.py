"""A rater project as a data set: training reads it as it stands."""

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.datasets import rater_project
from napari_diffseg.datasets.inspection import Inspection, inspect
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.errors import DatasetError
from napari_diffseg.io.nifti import read_labels, read_volume
from napari_diffseg.raters.cases import add_case
from napari_diffseg.raters.imported_read import import_read
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.memory import keep_trust
from napari_diffseg.raters.opening import open_read
from napari_diffseg.raters.project_document import Protocol
from napari_diffseg.raters.project_reads import reads_in_project
from napari_diffseg.raters.rating_form import PLAIN_FORM

IMAGES = Path(__file__).parents[1] / "data" / "hippocampus" / "images"
LABELS = IMAGES.parent / "labels"
FIRST, SECOND = "hippocampus_017", "hippocampus_148"
CLASSES = ("anterior", "posterior")


def drawn(case):
    return np.ascontiguousarray(read_labels(LABELS / f"{case}.nii.gz").data.astype(np.uint8))


@pytest.fixture
def new_project(new_project):
    return partial(
        new_project, cases=(FIRST, SECOND), raters=("Anna", "Bob"), labels=CLASSES, form=PLAIN_FORM
    )


@pytest.fixture
def project(new_project):
    """Both raters have read the first case, Bob nothing in it; Anna alone the second."""
    project = new_project(notes=("Drawn for a test.",))
    import_read(project, FIRST, "Anna", drawn(FIRST))
    import_read(project, FIRST, "Bob", np.zeros_like(drawn(FIRST)))
    import_read(project, SECOND, "Anna", drawn(SECOND))
    return project


def test_a_project_opens_as_a_data_set_of_its_finished_reads(project):
    dataset = open_dataset(project.root)
    assert dataset.layout == "rater project"
    assert [case.name for case in dataset.cases] == [FIRST, SECOND]
    assert dataset.classes == project.document.labels
    assert tuple(info.name for info in dataset.classes) == CLASSES
    assert (dataset.channels, dataset.dimensions) == (("image",), 3)
    assert dataset.notes == ("Drawn for a test.",)
    assert dataset.problems == ()
    first, second = (case.read() for case in dataset.cases)
    assert [int(read.data.max()) for read in first.reads] == [2, 0]
    assert np.array_equal(first.reads[0].data, drawn(FIRST))
    assert len(second.reads) == 1
    assert np.array_equal(first.scan.data, read_volume(IMAGES / f"{FIRST}.nii.gz").data)
    assert first.scan.grid.matches(first.reads[0].grid)
    assert open_dataset(project.root / "raters.json").cases[0].name == FIRST


def test_lesions_become_the_class_that_they_are_of(new_project):
    project = new_project(cases=(FIRST,))
    mask = np.where(drawn(FIRST) == 1, 7, np.where(drawn(FIRST) == 2, 9, 0)).astype(np.uint8)
    lesions = [Lesion(number=7, kind="lesion", label=2), Lesion(number=9, kind="lesion", label=1)]
    import_read(project, FIRST, "Anna", mask, lesions)
    (case,) = open_dataset(project.root).cases
    assert np.array_equal(case.read().reads[0].data, np.array([0, 2, 1])[drawn(FIRST)])


def test_every_case_passes_the_inspection(project):
    inspection = Inspection(open_dataset(project.root), tuple(inspect(open_dataset(project.root))))
    assert inspection.bad == ()
    assert inspection.raters == {2: 1, 1: 1}


def test_an_empty_read_is_left_out_where_the_protocol_says_so(new_project):
    project = new_project(cases=(FIRST,), protocol=Protocol(empty_reads="left out"))
    import_read(project, FIRST, "Anna", drawn(FIRST))
    import_read(project, FIRST, "Bob", np.zeros_like(drawn(FIRST)))
    (case,) = open_dataset(project.root).cases
    assert [int(read.data.max()) for read in case.read().reads] == [2]


def test_a_case_that_nobody_has_finished_is_a_problem(new_project):
    project = new_project()
    import_read(project, FIRST, "Anna", drawn(FIRST))
    with open_read(project, SECOND, "Bob"):
        dataset = open_dataset(project.root)
    assert [case.name for case in dataset.cases] == [FIRST]
    (problem,) = dataset.problems
    assert problem.case == SECOND
    assert "Nobody has finished reading it" in problem.sentence


def test_a_project_without_a_finished_read_is_refused(new_project):
    with pytest.raises(DatasetError, match=r"project holds no case: .* Nobody has finished reading it"):
        open_dataset(new_project().root)


def test_cases_of_one_patient_are_told_to_be(new_project):
    project = new_project(cases=(FIRST,))
    project = add_case(project, SECOND, IMAGES / f"{SECOND}.nii.gz", patient=FIRST)
    for case in (FIRST, SECOND):
        import_read(project, case, "Anna", drawn(case))
    assert [case.patient for case in open_dataset(project.root).cases] == [FIRST, FIRST]
    assert reads_in_project(project, SECOND).patient == FIRST


def test_images_outside_the_project_are_read_after_their_folder_was_confirmed(
    new_project, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "memory"))
    project = new_project(cases=(FIRST,), copy=False)
    import_read(project, FIRST, "Anna", drawn(FIRST))
    with pytest.raises(DatasetError, match="its folder was not confirmed yet"):
        open_dataset(project.root)
    keep_trust(project)  # as the dock does
    (case,) = open_dataset(project.root).cases
    assert np.array_equal(case.read().scan.data, read_volume(IMAGES / f"{FIRST}.nii.gz").data)


def test_a_case_with_other_channels_is_a_problem(new_project):
    project = new_project(cases=(FIRST,))
    project = add_case(project, SECOND, {"t1": IMAGES / f"{SECOND}.nii.gz"})
    import_read(project, FIRST, "Anna", drawn(FIRST))
    import_read(project, SECOND, "Anna", drawn(SECOND))
    dataset = open_dataset(project.root)
    assert [problem.sentence for problem in dataset.problems] == [
        "Its channels are t1, and the first case's image. Leave the case out."
    ]


def test_a_read_that_was_changed_is_told_when_its_case_is_read(project):
    mask = project.root / "reads" / FIRST / "Anna" / "001" / "mask.nii.gz"
    mask.write_bytes((project.root / "reads" / SECOND / "Anna" / "001" / "mask.nii.gz").read_bytes())
    first, second = open_dataset(project.root).cases
    with pytest.raises(DatasetError, match="was changed"):
        first.read()
    second.read()


def test_an_image_that_was_changed_is_told_when_its_case_is_read(project):
    shutil.copy(IMAGES / f"{SECOND}.nii.gz", project.image_paths(FIRST)["image"])
    with pytest.raises(DatasetError, match="is not the one that was added"):
        open_dataset(project.root).cases[0].read()


@pytest.mark.parametrize("content", ["", "[]", "{", json.dumps({"format": 99})])
def test_a_damaged_project_is_refused(project, content):
    (project.root / "raters.json").write_text(content)
    assert rater_project.recognises(project.root)
    with pytest.raises(DatasetError, match=r"raters\.json"):
        open_dataset(project.root)


def test_other_folders_are_not_recognised(tmp_path):
    assert not rater_project.recognises(tmp_path)
    assert not rater_project.recognises(tmp_path / "raters.json")
    assert not rater_project.recognises(IMAGES.parent)
