"""A result goes into a folder and comes back, lies on its scan, and is there whole or not at all."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_diffseg.errors import DiffSegError, GridMismatchError, ResultError
from napari_diffseg.io import read_labels, read_stack, read_volume
from napari_diffseg.results.folder import check_folder, propose_folder, read_result, write_result
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.results.result import ClassInfo, Provenance, Result
from napari_diffseg.volume import Box

BOX = Box((4, 10, 6), (20, 30, 25))
CLASSES = (ClassInfo("anterior", "#e4572e", "head"), ClassInfo("posterior", "#2e86ab"))


def made(scan, *, members=3, classes=CLASSES, **options) -> Result:
    """A result of random numbers on a box of a scan."""
    rng = np.random.default_rng(0)
    mean = rng.random((len(classes), *BOX.shape), dtype=np.float32)
    return Result(
        box=BOX,
        scan_grid=scan.grid,
        origin=scan.origin,
        classes=classes,
        mean=mean,
        variance=mean / 8 if members > 1 else None,
        consensus=rng.integers(0, len(classes) + 1, BOX.shape, dtype=np.uint8),
        members=rng.integers(0, len(classes) + 1, (members, *BOX.shape), dtype=np.uint8),
        options=SamplingOptions(members=members, box=BOX, seed=7, **options),
        provenance=Provenance(
            scan=scan.origin.name if scan.origin else "",
            scan_sha256=scan.origin.sha256 if scan.origin else "",
            checkpoint="tiny",
            checkpoint_sha256="ab" * 32,
            method="imgx",
            device="cpu",
            precision="fp32",
            threads=1,
            steps=5,
            members_at_once=1,
            duration_s=1.5,
            versions={"napari-diffseg": "0.1.0"},
            sampler="ddpm",
            fusion="staple",
            slice_axis=2,
            slices_at_once=4,
        ),
    )


@pytest.fixture(scope="module")
def scan(crop_path):
    return read_volume(crop_path)


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_everything_saved_comes_back(scan, tmp_path):
    result = made(scan, keep_members=True)
    again = read_result(write_result(result, tmp_path / "result"))
    for what in ("mean", "variance", "consensus", "members", "volumes_ml"):
        assert np.array_equal(getattr(again, what), getattr(result, what)), what
    for what in ("box", "classes", "options", "provenance", "cancelled"):
        assert getattr(again, what) == getattr(result, what), what
    assert again.provenance.slice_axis == 2
    assert again.scan_grid.matches(result.scan_grid)
    assert again.summary() == result.summary()


def test_maps_lie_on_the_scan_and_are_zero_outside_the_box(scan, crop_path, tmp_path):
    result = made(scan, keep_members=True)
    folder = write_result(result, tmp_path / "result")
    assert names(folder) == {
        "result.json", "consensus.nii.gz", "mean.nii.gz", "variance.nii.gz", "members.nii.gz",
    }  # fmt: skip
    source = nib.load(crop_path)
    for name, volumes in (("consensus", ()), ("mean", (2,)), ("variance", (2,)), ("members", (3,))):
        written = nib.load(folder / f"{name}.nii.gz")
        assert written.shape == (*source.shape, *volumes)
        assert written.affine.tobytes() == source.affine.tobytes()
    mean = read_stack(folder / "mean.nii.gz").data
    assert np.array_equal(mean[(slice(None), *BOX.slices)], result.mean)
    assert mean.sum(dtype=np.float64) == pytest.approx(result.mean.sum(dtype=np.float64))


def test_one_member_has_no_variance_and_no_deviation(scan, tmp_path):
    folder = write_result(made(scan, members=1), tmp_path / "result")
    assert names(folder) == {"result.json", "consensus.nii.gz", "mean.nii.gz"}
    told = json.loads((folder / "result.json").read_text())
    assert told["volumes"][0]["sd_ml"] is None
    assert read_result(folder).variance is None


def test_volumes_survive_members_that_were_not_kept(scan, tmp_path):
    result = made(scan)
    again = read_result(write_result(result, tmp_path / "result"))
    assert again.members.shape == (0, *BOX.shape)
    assert np.allclose(again.volumes_ml, result.volumes_ml)
    again_saved = read_result(write_result(again, tmp_path / "again"))
    assert again_saved.summary() == result.summary()


def test_the_record_says_how_it_was_made_and_never_where_or_who(scan, tmp_path):
    named = replace(scan.origin, header=scan.origin.header.copy())
    named.header["db_name"] = b"Doe^Jane"
    result = replace(made(scan), origin=named)
    folder = write_result(result, tmp_path / "result")
    text = (folder / "result.json").read_text()
    told = json.loads(text)
    assert told["format"] == 2
    assert told["provenance"]["scan"] == "hippocampus_148.nii.gz"
    assert told["provenance"]["scan_sha256"] == scan.origin.sha256
    assert told["options"]["seed"] == 7
    assert set(SamplingOptions.model_fields) == set(told["options"])
    volumes = result.volumes_ml[:, 1]
    assert told["volumes"][1]["members_ml"] == volumes.tolist()
    assert told["volumes"][1]["mean_ml"] == pytest.approx(volumes.mean())
    assert told["volumes"][1]["sd_ml"] == pytest.approx(np.std(volumes, ddof=1))
    assert str(tmp_path) not in text
    assert "NaN" not in text
    assert all(b"Doe" not in path.read_bytes() for path in folder.iterdir())


def test_a_corrected_consensus_lies_beside_the_computed_one(scan, tmp_path):
    result = made(scan)
    edited = np.zeros(BOX.shape, dtype=np.uint8)
    edited[0, 0, :7] = 2
    folder = write_result(result, tmp_path / "result", edited=edited)
    assert np.array_equal(read_labels(folder / "consensus-edited.nii.gz").data[BOX.slices], edited)
    assert np.array_equal(read_result(folder).consensus, result.consensus)
    volumes = json.loads((folder / "result.json").read_text())["volumes"]
    assert [of_class["edited_ml"] for of_class in volumes] == [0, pytest.approx(0.007)]


def test_a_correction_of_another_size_is_refused(scan, tmp_path):
    with pytest.raises(GridMismatchError, match="corrected consensus"):
        write_result(made(scan), tmp_path / "result", edited=np.zeros((3, 3, 3), dtype=np.uint8))
    assert names(tmp_path) == set()


def test_a_scan_made_in_memory_is_saved_as_it_is_displayed(scan, tmp_path):
    result = made(replace(scan, origin=None))
    again = read_result(write_result(result, tmp_path / "result"))
    assert again.origin is None
    assert again.scan_grid.matches(scan.grid)
    assert np.array_equal(again.mean, result.mean)


def test_an_existing_folder_is_refused_naming_overwrite(scan, tmp_path):
    folder = write_result(made(scan), tmp_path / "result")
    before = (folder / "result.json").read_bytes()
    with pytest.raises(ResultError, match="--overwrite"):
        write_result(made(scan, members=2), folder)
    assert (folder / "result.json").read_bytes() == before


def test_overwrite_replaces_the_whole_older_result(scan, tmp_path):
    folder = write_result(made(scan, keep_members=True), tmp_path / "result")
    write_result(made(scan, members=1), folder, overwrite=True)
    assert names(folder) == {"result.json", "consensus.nii.gz", "mean.nii.gz"}
    assert names(tmp_path) == {"result"}


@pytest.mark.parametrize("holds", ["thesis.txt", "raw"])
def test_overwrite_never_deletes_what_is_no_part_of_a_result(scan, tmp_path, holds):
    folder = write_result(made(scan), tmp_path / "result")
    (folder / holds).mkdir() if holds == "raw" else (folder / holds).write_text("years of work")
    with pytest.raises(ResultError, match=holds):
        write_result(made(scan), folder, overwrite=True)
    assert (folder / holds).exists()


def test_a_file_in_the_place_of_the_folder_is_kept(scan, tmp_path):
    (tmp_path / "result").write_text("mine")
    with pytest.raises(ResultError, match="is a file"):
        write_result(made(scan), tmp_path / "result", overwrite=True)
    with pytest.raises(ResultError, match="cannot be made"):
        check_folder(tmp_path / "result" / "below", overwrite=False)
    assert (tmp_path / "result").read_text() == "mine"


def test_missing_folders_above_are_made(scan, tmp_path):
    assert (write_result(made(scan), tmp_path / "study" / "case" / "result") / "result.json").exists()


FULL_DISK = """
import resource, sys
from pathlib import Path
from napari_diffseg import ResultError, read_result, write_result

result = read_result(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    write_result(result, sys.argv[2], overwrite=True)
except ResultError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on file size is a POSIX thing")
def test_a_disk_that_runs_full_leaves_the_old_result_and_nothing_else(scan, tmp_path):
    source = write_result(made(scan), tmp_path / "source")
    old = write_result(made(scan, members=1), tmp_path / "old")
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    for target in (old, tmp_path / "new"):
        command = [sys.executable, "-c", FULL_DISK, str(source), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert f"could not be saved to {target}" in done.stdout
        assert "Free some disk space" in done.stdout
        assert done.stderr == ""
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before
    assert names(tmp_path) == {"source", "old"}


def test_a_proposed_folder_is_new_dated_and_fit_for_every_system(tmp_path):
    first = propose_folder(tmp_path, "Jané / T1: follow-up?")
    assert first.parent == tmp_path
    assert first.name.startswith("Jané-T1-follow-up-20")
    assert not set(first.name) & set(' /\\:*?"<>|')
    first.mkdir()
    second = propose_folder(tmp_path, "Jané / T1: follow-up?")
    assert not second.exists()
    assert propose_folder(tmp_path, "../..").name.startswith("scan-20")


def test_a_result_of_format_1_is_read_and_says_what_was_then_implied(tmp_path):
    folder = Path(__file__).parents[1] / "data" / "formats" / "result-1"
    assert json.loads((folder / "result.json").read_text())["format"] == 1
    result = read_result(folder)
    assert (result.options.sampler, result.options.fusion, result.options.seed) == ("ddim", "majority", 5)
    assert (result.provenance.sampler, result.provenance.fusion) == ("ddim", "majority")
    assert (result.provenance.slice_axis, result.options.relative_area) == (None, None)
    assert result.members.shape == (3, 6, 8, 5)
    again = read_result(write_result(result, tmp_path / "again"))
    assert again.options == result.options
    assert again.provenance == result.provenance


@pytest.mark.parametrize("spoil", [{"options": None}, {"provenance": 3}, {"options": {"sampler": "euler"}}])
def test_a_spoilt_record_of_format_1_is_refused_in_a_sentence(scan, tmp_path, spoil):
    folder = write_result(made(scan), tmp_path / "result")
    changed(folder, format=1, **spoil)
    with pytest.raises(ResultError, match=next(iter(spoil))):
        read_result(folder)


def changed(folder: Path, **fields) -> None:
    told = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**told, **fields}))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: changed(folder, format=3), "format 3.*reads up to 2"),
        (lambda folder: changed(folder, classes=[]), "not valid at “classes”"),
        (lambda folder: changed(folder, more=1), "not valid at “more”"),
        (lambda folder: changed(folder, volumes=[]), "does not fit"),
        (lambda folder: changed(folder, box={"start": [0, 0, 0], "stop": [999, 9, 9]}), "does not fit"),
        (lambda folder: (folder / "result.json").write_text("[]"), "not the record"),
        (lambda folder: (folder / "result.json").write_text("{"), "not the record"),
        (lambda folder: (folder / "result.json").unlink(), "cannot be read"),
        (lambda folder: (folder / "mean.nii.gz").unlink(), "mean.nii.gz"),
        (lambda folder: (folder / "mean.nii.gz").write_bytes(b"x" * 400), "mean.nii.gz"),
        (lambda folder: (folder / "consensus.nii.gz").replace(folder / "mean.nii.gz"), "consensus.nii.gz"),
        (lambda folder: (folder / "members.nii.gz").replace(folder / "mean.nii.gz"), "mean.nii.gz holds 3"),
    ],
)
def test_a_spoilt_folder_is_refused_in_a_sentence(scan, tmp_path, spoil, sentence):
    folder = write_result(made(scan, keep_members=True), tmp_path / "result")
    spoil(folder)
    with pytest.raises(DiffSegError, match=sentence):
        read_result(folder)
