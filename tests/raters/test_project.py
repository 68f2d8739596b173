"""A project is made, filled and opened again; its images are the ones that were added."""

import json
import shutil

import numpy as np
import pytest

from napari_diffseg.errors import DiffSegError, GridMismatchError, RaterProjectError, ScanError
from napari_diffseg.io import read_channels, read_volume
from napari_diffseg.raters.cases import add_case, add_notes, add_rater, add_scan
from napari_diffseg.raters.lidc_form import LIDC_FORM
from napari_diffseg.raters.project import create_project, open_project
from napari_diffseg.raters.project_document import Protocol
from napari_diffseg.results.result import ClassInfo

CASE = "hippocampus_148"
NODULE = (ClassInfo("nodule", "#e4572e", "3 mm or more"),)


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_project_opens_as_it_was_made(new_project):
    made = new_project(
        cases=(CASE, "hippocampus_017"), protocol=Protocol(about="Mark all nodules."), notes=("A.",)
    )
    for path in (made.root, made.root / "raters.json"):
        assert open_project(path) == made
    assert made.raters_of(CASE) == ("Anna", "Bob")
    assert made.document.form == LIDC_FORM


def test_a_copied_image_is_the_scan_itself(project, crop_path):
    scan, original = project.scan(CASE), read_volume(crop_path)
    assert np.array_equal(scan.data, original.data)
    assert (project.root / "images" / f"{CASE}.nii.gz").read_bytes() == crop_path.read_bytes()


def test_an_image_that_stays_where_it_is_needs_a_trusted_folder(project, tmp_path, crop_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(crop_path, elsewhere / "scan.nii.gz")
    added = add_case(project, "referenced", elsewhere / "scan.nii.gz", copy=False)
    assert added.scan("referenced").data.any()  # whoever named the file has confirmed its folder
    again = open_project(project.root)
    assert again.untrusted() == (elsewhere,)
    with pytest.raises(RaterProjectError, match=f"Confirm {elsewhere} in the Raters dock"):
        again.scan("referenced")
    trusting = open_project(project.root, trusted=[elsewhere])
    assert trusting.untrusted() == ()
    assert trusting.scan("referenced").data.any()


def test_a_link_in_a_trusted_folder_leads_nowhere_else(project, tmp_path, crop_path):
    elsewhere, secret = tmp_path / "elsewhere", tmp_path / "secret"
    for folder in (elsewhere, secret):
        folder.mkdir()
    shutil.copy(crop_path, secret / "scan.nii.gz")
    shutil.copy(crop_path, elsewhere / "scan.nii.gz")
    add_case(project, "referenced", elsewhere / "scan.nii.gz", copy=False)
    (elsewhere / "scan.nii.gz").unlink()
    (elsewhere / "scan.nii.gz").symlink_to(secret / "scan.nii.gz")
    with pytest.raises(RaterProjectError, match="was not confirmed yet"):
        open_project(project.root, trusted=[elsewhere]).scan("referenced")


def test_several_channels_of_a_case_come_back_in_order(project, tmp_path):
    from pathlib import Path

    data = Path(__file__).parents[1] / "data" / "ms_lesions"
    files = {name: data / f"{name}.nii.gz" for name in ("flair", "t1")}
    added = add_case(project, "ms", files, raters=("Bob",), note="Two channels.")
    assert added.scan("ms").channels == ("flair", "t1")
    assert np.array_equal(added.scan("ms").data, read_channels(files).data)
    assert added.raters_of("ms") == ("Bob",)


def test_a_scan_in_memory_is_added_as_files(project, crop_path):
    scan = read_volume(crop_path)
    added = add_scan(project, "made here", scan)
    assert np.array_equal(added.scan("made here").data, scan.data)
    assert added.scan("made here").grid.matches(scan.grid)


def test_a_changed_image_is_refused(project, crop_path):
    path = project.root / "images" / f"{CASE}.nii.gz"
    path.write_bytes(crop_path.with_name("hippocampus_017.nii.gz").read_bytes())
    with pytest.raises(RaterProjectError, match="not the one that was added to the project"):
        project.scan(CASE)
    path.unlink()
    with pytest.raises(RaterProjectError, match="cannot be read"):
        project.scan(CASE)


def test_an_added_rater_reads_every_case(project):
    assert add_rater(project, "Carol").raters_of(CASE) == ("Anna", "Bob", "Carol")
    assert open_project(project.root).raters_of(CASE) == ("Anna", "Bob", "Carol")


def test_two_changes_to_an_old_view_of_a_project_are_both_kept(project):
    add_rater(project, "Carol")
    add_rater(project, "Dan")
    assert open_project(project.root).document.raters == ("Anna", "Bob", "Carol", "Dan")


def test_a_rater_cannot_be_called_as_readers_without_names_are(project):
    with pytest.raises(RaterProjectError, match="“Reader 2” is how readers without names are shown"):
        add_rater(project, "Reader 2")
    assert open_project(project.root).document == project.document


def test_of_very_many_notes_the_number_of_the_last_ones_is_kept(project):
    told = add_notes(project, [f"File {number} was left out." for number in range(1500)]).document.notes
    assert len(told) == 1000
    assert told[-1] == "… and 501 more."
    assert open_project(project.root).document.notes == told


@pytest.mark.parametrize(
    ("name", "image", "options", "error", "sentence"),
    [
        (CASE, CASE, {}, RaterProjectError, "would share the folder"),
        ("Hippocampus 148", CASE, {}, None, ""),
        ("HIPPOCAMPUS_148", CASE, {}, RaterProjectError, "would share the folder"),
        ("", CASE, {}, RaterProjectError, "at “name”"),
        ("new", CASE, {"raters": ("Zoe",)}, RaterProjectError, "“Zoe” is to read new and is no rater"),
        ("new", CASE, {"note": "a" * 10_001}, RaterProjectError, "at “note”"),
        ("new", CASE, {"patient": "a" * 201}, RaterProjectError, "at “patient”"),
        ("new", "missing", {}, ScanError, "There is no file"),
    ],
)
def test_a_case_that_cannot_be_added_leaves_the_project_as_it_was(
    project, crop_path, name, image, options, error, sentence
):
    before = everything(project.root)
    file = crop_path.with_name(f"{image}.nii.gz")
    if error is None:
        assert add_case(project, name, file, **options).scan(name).data.any()
        return
    with pytest.raises(error, match=sentence):
        add_case(project, name, file, **options)
    assert everything(project.root) == before


def test_channels_on_other_grids_are_refused(project, crop_path):
    other = crop_path.with_name("hippocampus_017.nii.gz")
    with pytest.raises(GridMismatchError):
        add_case(project, "new", {"a": crop_path, "b": other})
    assert open_project(project.root) == project


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"raters": ("Anna B", "anna-b")}, "“Anna B” and “anna-b” would share the folder"),
        ({"raters": ("",)}, "a rater has no name"),
        ({"labels": ()}, "at “labels”"),
        ({"labels": (ClassInfo("nodule", "red"),)}, "a colour such as #e4572e"),
        ({"title": ""}, "at “title”"),
    ],
)
def test_an_impossible_project_is_not_made(tmp_path, settings, sentence):
    asked = {"title": "Study", "labels": NODULE, "raters": ("Anna",)} | settings
    with pytest.raises(RaterProjectError, match=sentence):
        create_project(tmp_path / "new", **asked)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something_is_not_made_a_project(tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(RaterProjectError, match="not an empty folder"):
        create_project(tmp_path, title="Study", labels=NODULE, raters=("Anna",))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_names_of_other_alphabets_have_folders_of_their_own(new_project, drawn, finished_by):
    raters = ("Ängström", "Анна", "王芳", "???", "../../etc", "CON: a/b")
    project = new_project(raters=raters)
    for rater in raters:
        finished_by(project, rater, drawn)
    folders = [path for path in (project.root / "reads" / CASE).iterdir() if path.is_dir()]
    assert len(folders) == len(raters)
    assert len(list(project.root.parent.iterdir())) == 1  # nothing beside the project


PATHS = [
    "../secret.nii.gz",
    "images/../../secret.nii.gz",
    "images\\..\\x.nii.gz",
    ".",
    "a\0b",
    "link/scan.nii.gz",
    "link.nii.gz",
]


@pytest.mark.parametrize("path", [*PATHS, "/etc/passwd", "C:\\scan.nii.gz", "\\\\server\\share\\x.nii.gz"])
def test_a_path_that_leaves_the_project_is_not_followed(project, tmp_path, crop_path, path):
    shutil.copy(crop_path, tmp_path / "secret.nii.gz")
    (project.root / "link").symlink_to(tmp_path)
    (project.root / "link.nii.gz").symlink_to(tmp_path / "secret.nii.gz")
    content = json.loads((project.root / "raters.json").read_text())
    content["cases"][0]["images"][0]["path"] = path
    (project.root / "raters.json").write_text(json.dumps(content))
    with pytest.raises(RaterProjectError, match=r"does not lie inside|is a link|was not confirmed"):
        open_project(project.root).scan(CASE)


def test_links_among_the_reads_are_not_followed(project, tmp_path, drawn, finished_by):
    from napari_diffseg.raters.opening import open_read

    open_read(project, CASE, "Anna").close()
    session = project.root / "reads" / CASE / "Anna" / "001"
    victim = tmp_path / "victim"
    victim.write_bytes((session / "journal.bin").read_bytes())
    (session / "journal.bin").unlink()
    (session / "journal.bin").symlink_to(victim)
    before = victim.read_bytes()
    with pytest.raises(RaterProjectError, match="is a link, which is not followed"):
        open_read(project, CASE, "Anna")
    (project.root / "reads" / CASE / "Bob").symlink_to(tmp_path)
    with pytest.raises(RaterProjectError, match="is a link, which is not followed"):
        open_read(project, CASE, "Bob")
    assert victim.read_bytes() == before


def test_a_project_of_a_newer_format_is_refused(project):
    path = project.root / "raters.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2', 1))
    with pytest.raises(
        RaterProjectError,
        match=r"raters\.json is of format 2, and this version reads up to 1\. Install a newer",
    ):
        open_project(project.root)


def test_a_folder_without_a_project_is_named(tmp_path):
    with pytest.raises(RaterProjectError, match=r"holds no raters\.json"):
        open_project(tmp_path)
    with pytest.raises(RaterProjectError, match="There is no folder"):
        open_project(tmp_path / "nowhere")


def test_every_error_is_one_of_ours(project):
    with pytest.raises(DiffSegError, match="“nothing” is no case of “Study”"):
        project.case("nothing")
