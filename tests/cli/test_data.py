"""`napari-diffseg data inspect`: a folder's facts in words and as JSON, its faults in an exit code."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

HIPPOCAMPUS = Path(__file__).parents[1] / "data" / "hippocampus"


@pytest.fixture
def folder(tmp_path):
    """Two good cases and one without a mask."""
    for part in ("images", "labels"):
        shutil.copytree(HIPPOCAMPUS / part, tmp_path / part)
    shutil.copy(tmp_path / "images" / "hippocampus_017.nii.gz", tmp_path / "images" / "lonely.nii.gz")
    return tmp_path


def test_a_good_folder_is_shown_by_case_and_in_sum(command):
    done = command("data", "inspect", HIPPOCAMPUS)
    assert (done.code, done.err) == (0, "")
    (row,) = (line.split() for line in done.out.splitlines() if "hippocampus_148" in line)
    assert "32 × 48 × 34" in " ".join(row)
    counts = np.bincount(
        np.asarray(nib.load(HIPPOCAMPUS / "labels" / "hippocampus_148.nii.gz").dataobj).ravel()
    )
    assert row[-2:] == [str(count) for count in counts[1:]]
    for line in (
        "Layout: images and labels",
        "Cases: 2, patients: 2",
        "Classes: class 1 (in 2 cases), class 2 (in 2 cases)",
        "Masks a case: 1 in 2 cases",
        "Size: 32 × 48 × 34 to 35",
        "Spacing: 1 × 1 × 1 mm",
    ):
        assert line in done.out.splitlines()


def test_bad_cases_are_told_one_by_one_and_end_with_exit_code_1(command, folder):
    label = folder / "labels" / "hippocampus_148.nii.gz"
    label.write_bytes(label.read_bytes()[:-500])
    done = command("data", "inspect", folder)
    assert done.code == 1
    assert done.err == (
        "2 of 3 cases are bad: lonely, hippocampus_148. Leave them out with --skip-bad, or repair them.\n"
    )
    told = dict(line.split(": ", 1) for line in done.out.splitlines() if ": " in line)
    assert "no mask" in told["lonely"]
    assert "cut short" in told["hippocampus_148"]


def test_json_holds_every_case_and_problem(command, folder):
    done = command("data", "inspect", folder, "--json")
    assert done.code == 1
    told = json.loads(done.out)
    assert told["layout"] == "images and labels"
    assert told["channels"] == ["image"]
    assert [info["name"] for info in told["classes"]] == ["class 1", "class 2"]
    first, second = told["cases"]
    assert (first["name"], first["patient"], first["shape"]) == (
        "hippocampus_017",
        "hippocampus_017",
        [32, 48, 35],
    )
    assert first["problem"] == second["problem"] == ""
    assert [problem["case"] for problem in told["problems"]] == ["lonely"]


def test_quiet_says_nothing_of_a_good_folder_and_one_sentence_of_a_bad_one(command, folder):
    good = command("data", "inspect", HIPPOCAMPUS, "--quiet")
    assert (good.code, good.out, good.err) == (0, "", "")
    bad = command("data", "inspect", folder, "--quiet")
    assert (bad.code, bad.out) == (1, "")
    assert bad.err.startswith("1 of 3 cases is bad: lonely.")


def test_of_many_cases_a_few_rows_are_shown_and_the_sum_is_of_all(command, tmp_path):
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
        for number in range(41):
            image = nib.load(HIPPOCAMPUS / part / "hippocampus_148.nii.gz")
            data = np.asarray(image.dataobj)[10:20, 10:40, 10:20].copy()
            data[0, 0, 0] = number if part == "images" else 0  # no two images alike
            nib.save(nib.Nifti1Image(data, image.affine), tmp_path / part / f"case-{number:02d}.nii")
    done = command("data", "inspect", tmp_path)
    assert done.code == 0
    assert sum(line.lstrip().startswith("case-") for line in done.out.splitlines()) == 10
    assert "… and 31 more; --json lists all." in done.out
    assert "Cases: 41, patients: 41" in done.out


def test_many_classes_are_counted_in_one_column(command, folder):
    (folder / "classes.json").write_text(json.dumps([{"name": f"organ {k}"} for k in range(1, 8)]))
    rows = [line.split() for line in command("data", "inspect", folder).out.splitlines()]
    assert [row[-3:] for row in rows if row[:1] == ["hippocampus_148"]] == [["2", "of", "7"]]


def test_a_folder_of_no_layout_names_those_that_are_known(command, tmp_path):
    done = command("data", "inspect", tmp_path)
    assert (done.code, done.out) == (1, "")
    for text in ("no layout known here", "BraTS: ", "AMOS22: ", "images and labels: "):
        assert text in done.err


def test_names_of_strangers_cannot_steer_the_terminal(command, tmp_path):
    (tmp_path / "labelsTr").mkdir()
    (tmp_path / "imagesTr").mkdir()
    shutil.copy(HIPPOCAMPUS / "images" / "hippocampus_148.nii.gz", tmp_path / "imagesTr" / "a_0000.nii.gz")
    shutil.copy(HIPPOCAMPUS / "labels" / "hippocampus_148.nii.gz", tmp_path / "labelsTr" / "a.nii.gz")
    labels = {"background": 0, "an\x1b[31mterior": 1, "[red]posterior": 2}
    told = {"channel_names": {"0": "MRI\x1b]0;owned\x07"}, "labels": labels, "license": "a\x1bb"}
    (tmp_path / "dataset.json").write_text(json.dumps(told))
    done = command("data", "inspect", tmp_path)
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "\x07" not in done.out
    assert "[red]posterior" in done.out
