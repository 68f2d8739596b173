"""`napari-diffseg raters`: from a new project to a verdict, as a person types it."""

import csv
import json
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.io.nifti import read_labels, read_stack, read_volume
from napari_diffseg.raters.finished_read import reads_of
from napari_diffseg.raters.imported_read import import_read
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.memory import recent_projects, trusting
from napari_diffseg.raters.project import open_project
from napari_diffseg.results.folder import write_result
from napari_diffseg.results.result import ClassInfo

DATA = Path(__file__).parents[1] / "data"
NODULES, CROPS = DATA / "lidc_nodules", DATA / "lidc" / "hdf5"
IMAGE = DATA / "hippocampus" / "images" / "hippocampus_148.nii.gz"
LABEL = DATA / "hippocampus" / "labels" / "hippocampus_148.nii.gz"
CASE = "hippocampus_148"


@pytest.fixture
def project(command, tmp_path):
    """The folder of a project of Anna and Bob, with one case."""
    folder = tmp_path / "study"
    made = command(
        "raters",
        "create",
        folder,
        "--rater",
        "Anna",
        "--rater",
        "Bob",
        "--label",
        "part=#e4572e",
        "--form",
        "lidc",
    )
    assert made.code == 0
    assert command("raters", "add", folder, IMAGE).code == 0
    return folder


@pytest.fixture
def read_project(project):
    """Anna drew everything, Bob the anterior part."""
    labels = read_labels(LABEL).data
    for rater, mask in (("Anna", labels > 0), ("Bob", labels == 1)):
        drawn = np.where(mask, 2, 0).astype(np.uint8)
        import_read(open_project(project), CASE, rater, drawn, [Lesion(number=2, kind="nodule")])
    return project


def dice(a, b):
    return 2 * np.sum(a & b) / (np.sum(a) + np.sum(b)) if a.any() or b.any() else 1.0


def iou(a, b):
    return np.sum(a & b) / np.sum(a | b) if a.any() or b.any() else 1.0


def over_pairs(path, measure, part=None):
    """Mean over pairs of masks, then over cases, computed directly."""
    cases = [case for case in open_dataset(path).cases if part in (None, case.group)]
    reads = [[read.data > 0 for read in case.read().reads] for case in cases]
    return np.mean([np.mean([measure(a, b) for a, b in combinations(masks, 2)]) for masks in reads])


def rows(text):
    """A command's lines as what and value; of several blocks the last."""
    split = (line.strip().rsplit("  ", 1) for line in text.splitlines() if line.startswith("  "))
    return {parts[0].strip(): parts[-1].strip() for parts in split}


def test_a_project_is_made_and_shown(command, project):
    shown = command("raters", "status", project)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines() == [
        f"{CASE}, Anna: not begun (blinded, 0 min, 0 lesions)",
        f"{CASE}, Bob: not begun (blinded, 0 min, 0 lesions)",
        "0 of 2 reads are finished.",
    ]
    document = open_project(project).document
    assert document.labels == (ClassInfo("part", "#e4572e"),)
    assert document.form.fields[0].name == "subtlety"
    assert document.title == "study"


def test_every_setting_of_the_protocol_can_be_chosen(command, tmp_path):
    done = command(
        "raters", "create", tmp_path / "p", "--rater", "A", "--label", "x", "--title", "T",
        "--about", "Read.", "--show-names", "--allow-start-from-member", "--empty-reads", "left out",
        "--json",
    )  # fmt: skip
    told = json.loads(done.out)
    assert told["protocol"] == {
        "allow_start_from_member": True, "show_names": True, "empty_reads": "left out", "about": "Read.",
    }  # fmt: skip
    assert told["title"] == "T"
    assert told["project"] == str(tmp_path / "p")


def test_a_dicom_series_and_named_channels_are_cases_too(command, project):
    assert command("raters", "add", project, DATA / "dicom" / "ct_lung", "--rater", "Bob").code == 0
    pair = command(
        "raters",
        "add",
        project,
        "--channel",
        f"t1={IMAGE}",
        "--channel",
        f"t2={IMAGE}",
        "--name",
        "two",
        "--reference",
    )
    assert pair.code == 0
    opened = open_project(project, trusted=[IMAGE.parent])
    assert [case.name for case in opened.document.cases] == [CASE, "ct_lung", "two"]
    assert opened.raters_of("ct_lung") == ("Bob",)
    assert opened.scan("ct_lung").data.min() < -900  # Hounsfield units
    assert opened.scan("two").channels == ("t1", "t2")


def test_folders_outside_are_confirmed_once_and_known_to_every_command_since(command, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "owner"))
    project, scan = tmp_path / "study", tmp_path / "scans" / "scan.nii.gz"
    scan.parent.mkdir()
    shutil.copy(IMAGE, scan)
    command("raters", "create", project, "--rater", "Anna", "--label", "x")
    assert command("raters", "add", project, scan, "--reference").code == 0
    import_read(
        trusting(open_project(project)), "scan", "Anna", (read_labels(LABEL).data > 0).astype(np.uint8)
    )
    assert command("data", "inspect", project).code == 0  # whoever added it confirmed its folder

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "somebody else"))
    refused = command("data", "inspect", project)
    assert refused.code == 1
    assert f"Confirm {scan.parent} in the Raters dock or with “napari-diffseg raters trust”" in refused.err
    asked = command("raters", "trust", project, "--json")
    assert json.loads(asked.out) == {"not_confirmed": [str(scan.parent)]}
    elsewhere = command("raters", "trust", project, tmp_path / "other")
    assert elsewhere.out == f"Not confirmed: {scan.parent}\n"
    confirmed = command("raters", "trust", project, scan.parent)
    assert confirmed.out == "Every image lies in the project or in a folder that was confirmed.\n"
    assert command("data", "inspect", project).code == 0
    assert recent_projects()[project].title == "study"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["create", "{project}", "--rater", "A", "--label", "x"], 1, "not an empty folder"),
        (
            ["create", "{tmp}/new", "--rater", "A", "--rater", "a", "--label", "x"],
            1,
            "would share the folder",
        ),
        (["add", "{project}"], 2, "Give either SCAN or --channel"),
        (["add", "{project}", str(IMAGE)], 1, CASE),
        (["add", "{project}", str(DATA / "dicom" / "ct_lung"), "--reference"], 2, "DICOM is copied"),
        (["add", "{tmp}", str(IMAGE)], 1, "no rater project"),
        (["status", "{tmp}/nowhere"], 1, "There is no folder"),
        (["status", "{project}", "--as", "Carol"], 1, "“Carol” is no rater of “study”"),
        (["agree", "{project}"], 1, "has no case with two reads"),
        (["agree", "{project}", "--part", "test"], 2, "a rater project has no parts"),
        (["agree", str(NODULES), "--part", "test"], 1, "has no part “test”. Choose one of: all cases"),
        (["agree", str(DATA / "hippocampus")], 1, "has no case with two reads"),
        (["agree", "{tmp}"], 1, "of no layout known here"),
        (["agree", str(NODULES), "--least-iou", "2"], 1, "the IoU must lie from 0 to 1"),
        (["agree", str(NODULES), "--margin-mm", "-1"], 1, "The margin is -1 mm"),
        (["consensus", str(NODULES), "--out", "{tmp}/c", "--case", "nobody"], 1, "has no case nobody"),
        (["consensus", "{project}", "--out", "{tmp}/c", "--case", CASE], 1, "Nobody has finished reading"),
        (["consensus", "{project}", "--out", "{tmp}/c"], 1, "Nobody has finished a read"),
        (["consensus", str(NODULES), "--out", "{project}"], 1, "is there already"),
        (
            ["consensus", str(NODULES), "--out", "{tmp}/c", "--way", "level", "--level", "2"],
            1,
            "The level is 2",
        ),
        (["export", "{project}", "--out", "{tmp}/e"], 1, "nothing to export"),
        (["import-lidc", "--out", "{tmp}/l"], 2, "Give SOURCE, or --xml"),
        (["import-lidc", str(NODULES), "--part", "test", "--out", "{tmp}/l"], 1, "has no part “test”"),
        (
            ["import-lidc", str(DATA / "hippocampus" / "README.md"), "--out", "{tmp}/l"],
            1,
            "There is no folder",
        ),
    ],
)
def test_what_cannot_be_done_ends_in_one_sentence(command, project, tmp_path, arguments, code, said):
    done = command("raters", *(text.format(project=project, tmp=tmp_path) for text in arguments))
    assert done.code == code
    assert said in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err
    assert not {"c", "e", "l", "new"} & {path.name for path in tmp_path.iterdir()}


def test_agreement_on_nodules_is_that_of_a_direct_computation(command, tmp_path):
    done = command("raters", "agree", NODULES, "--out", tmp_path / "tables")
    assert done.code == 0
    assert done.out.startswith("all cases: 2 cases of 2 patients, 8 reads\n")
    shown = rows(done.out)
    for what, measure in (("mean pairwise IoU", iou), ("mean pairwise Dice", dice)):
        assert shown[what].startswith(f"{over_pairs(NODULES, measure):.5f} (")
    apart = 1 - over_pairs(NODULES, iou)
    assert shown["E[d], d = 1 - IoU, of two different reads"].startswith(f"{apart:.5f}")
    everyone = shown["E[d] over all ordered pairs, each read with itself too"]
    assert everyone.startswith(f"{apart * 12 / 16:.5f}")
    assert shown["Dice, both masks non-empty"].endswith("9 pairs")
    assert shown["lesions seen, of 4 raters"] == "0 by 1, 0 by 2, 1 by 3, 1 by 4"
    assert "Box of kappa and alpha: the union of all reads' boxes and 10 mm on every side" in done.out
    assert "unblinded" in done.err
    with (tmp_path / "tables" / "agreement-pairs.csv").open() as file:
        assert np.mean([float(row["dice"]) for row in csv.DictReader(file)]) == pytest.approx(
            over_pairs(NODULES, dice)
        )


def test_each_part_of_crops_has_numbers_of_its_own(command):
    told = json.loads(command("raters", "agree", CROPS, "--json").out)
    assert sorted(told["summaries"]) == ["test", "train", "validation"]
    for part in told["summaries"]:
        (structure,) = told["summaries"][part]["structures"]
        assert structure["iou"]["mean"] == pytest.approx(over_pairs(CROPS, iou, part))
    assert told["summaries"]["train"]["structures"][0]["kappa"]["undefined"] == 1
    assert told["cases"]["train"][3]["structures"][0]["kappa"] is None
    only = command("raters", "agree", CROPS, "--part", "val", "--quiet", "--json")
    assert list(json.loads(only.out)["summaries"]) == ["validation"]
    assert only.err == ""


def test_a_project_is_agreed_on_and_each_rater_with_themselves(command, read_project):
    labels = read_labels(LABEL).data
    drawn = np.where(labels == 2, 2, 0).astype(np.uint8)
    import_read(open_project(read_project), CASE, "Bob", drawn, [Lesion(number=2, kind="nodule")])
    told = json.loads(command("raters", "agree", read_project, "--json").out)
    assert told["title"] == "study"
    (between,) = told["cases"]["all cases"]
    assert between["raters"] == ["Anna", "Bob"]
    assert between["structures"][0]["pairs"][0]["dice"] == pytest.approx(dice(labels > 0, labels == 2))
    (own,) = told["with_themselves"]
    assert (own["case"], own["raters"]) == (f"{CASE}, Bob", ["session 1", "session 2"])
    assert own["structures"][0]["pairs"][0]["dice"] == 0
    assert sorted(told["summaries"]) == ["all cases", "with themselves"]


def test_a_consensus_of_each_case_is_saved_on_its_scan(command, tmp_path):
    done = command("raters", "consensus", NODULES, "--out", tmp_path / "c", "--way", "level", "--level", 0.5)
    assert done.code == 0
    for case in open_dataset(NODULES).cases:
        reads = case.read().reads
        found = read_labels(tmp_path / "c" / f"{case.name}.nii.gz")
        assert np.array_equal(found.data, np.sum([read.data for read in reads], axis=0) >= 2)
        assert found.grid.matches(reads[0].grid)


def test_staple_tells_trust_box_and_empty_reads(command, tmp_path):
    done = command("raters", "consensus", NODULES, "--out", tmp_path / "c", "--way", "staple", "--json")
    first, second = json.loads(done.out)["cases"]
    assert [row["rater"] for row in first["staple"]] == ["slot 1", "slot 2", "slot 3", "slot 4"]
    assert all(0 < row["sensitivity"] <= 1 and 0.9 < row["specificity"] <= 1 for row in first["staple"])
    assert first["box"]
    assert first["warnings"] == []
    assert second["warnings"][0].startswith("1 of 4 reads are empty")
    assert "LIDC-IDRI-0493_n00: 1 of 4 reads are empty" in done.err
    whole = command(
        "raters", "consensus", NODULES, "--out", tmp_path / "w", "--way", "staple", "--whole-scan"
    )
    assert "in the box 0:4,0:128,0:128" in whole.out


def test_the_share_of_raters_is_saved_as_a_map(command, tmp_path):
    name = "LIDC-IDRI-0003_n02"
    assert (
        command("raters", "consensus", NODULES, "--out", tmp_path / "c", "--way", "mean", "--case", name).code
        == 0
    )
    (path,) = (tmp_path / "c").iterdir()
    reads = next(case for case in open_dataset(NODULES).cases if case.name == name).read().reads
    np.testing.assert_allclose(read_stack(path).data[0], np.mean([read.data for read in reads], axis=0))


def test_a_project_is_exported(command, read_project, tmp_path):
    done = command("raters", "export", read_project, "--out", tmp_path / "out", "--way", "union")
    assert (done.code, done.out) == (0, f"2 reads of 1 cases saved to {tmp_path / 'out'}\n")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        CASE, "ratings.csv", "agreement-pairs.csv", "agreement-cases.csv", "findings.csv",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "part", "cases"), [(NODULES, None, 2), (CROPS, "test", 2), (DATA / "lidc" / "png", None, 4)]
)
def test_crops_and_nodules_of_lidc_become_a_project(command, tmp_path, source, part, cases):
    done = command(
        "raters", "import-lidc", source, *(("--part", part) if part else ()), "--out", tmp_path / "p"
    )
    assert done.code == 0
    assert "a slot is not a reader" in done.err
    project = open_project(tmp_path / "p")
    assert len(project.document.cases) == cases
    before = json.loads(command("raters", "agree", source, *(("--part", part) if part else ()), "--json").out)
    after = json.loads(command("raters", "agree", tmp_path / "p", "--json").out)
    (first,) = before["summaries"].values()
    (second,) = after["summaries"].values()
    assert first["structures"][0]["iou"]["mean"] == pytest.approx(second["structures"][0]["iou"]["mean"])


def test_lidc_of_xml_alone_becomes_a_project_that_says_what_is_missing(command, tmp_path):
    done = command("raters", "import-lidc", "--xml", DATA / "lidc_xml", "--out", tmp_path / "p")
    assert done.code == 0
    assert "The CT was not at hand" in done.err
    project = open_project(tmp_path / "p")
    assert all(reads_of(project, case.name, by=None) for case in project.document.cases)


@pytest.fixture
def result(result_of, tmp_path):
    """Eight members that shift a little around the anterior part: sure of themselves."""
    truth = (read_labels(LABEL).data == 1).astype(np.uint8)
    members = np.stack([np.roll(truth, shift, axis=2) for shift in (0, 0, 0, 0, 0, 0, 0, 1)])
    return write_result(result_of(members, read_volume(IMAGE), name="part"), tmp_path / "result")


def test_a_model_is_compared_with_the_raters_and_judged(command, read_project, result):
    done = command("raters", "compare", read_project, result)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith(f"{CASE}, part: GED ")
    assert "with 8 members" in lines[0]
    shown = rows(done.out)
    assert any(line.strip().startswith(("Over-confident", "Matches", "Under-confident")) for line in lines)
    told = json.loads(command("raters", "compare", read_project, result, "--json").out)
    (case,) = told["cases"]
    members, reads = read_stack(result / "members.nii.gz").data > 0, read_labels(LABEL).data
    drawn = [reads > 0, reads == 1]
    apart = 2 * np.mean([[1 - iou(m, y) for y in drawn] for m in members])
    within = [np.mean([[1 - iou(a, b) for a in side] for b in side]) for side in (members, drawn)]
    assert case["ged"]["published"] == pytest.approx(apart - sum(within))
    assert case["raters"] == ["Anna", "Bob"]
    assert case["inside"] == [False, True]
    (verdict,) = told["verdicts"]
    assert verdict["inside_by_rater"] == {"Anna": 0.0, "Bob": 1.0}
    assert verdict["word"] in {"over-confident", "matches", "under-confident"}
    assert shown


def test_a_result_of_another_scan_needs_a_name_and_the_same_grid(command, read_project, result, tmp_path):
    record = result / "result.json"
    told = json.loads(record.read_text())
    told["provenance"]["scan_sha256"] = "00" * 32
    record.write_text(json.dumps(told))
    lost = command("raters", "compare", read_project, result)
    assert (lost.code, "Name the case with --case" in lost.err) == (1, True)
    assert command("raters", "compare", read_project, result, "--case", CASE).code == 0
    shutil.copytree(result, tmp_path / "second")
    twice = command("raters", "compare", read_project, result, tmp_path / "second", "--case", CASE)
    assert twice.code == 2
    assert command("raters", "compare", NODULES, result, "--case", "LIDC-IDRI-0003_n02").code == 1
