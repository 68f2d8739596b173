"""A project's finished reads as files of others: NIfTI, tables, and which reads count."""

import csv

import nibabel
import numpy as np
import pytest

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.nifti import read_labels
from napari_diffseg.raters.consensus import consensus
from napari_diffseg.raters.export import exporting
from napari_diffseg.raters.finished_read import numbered
from napari_diffseg.raters.imported_read import import_read
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.opening import open_read
from napari_diffseg.raters.project_document import Protocol
from napari_diffseg.raters.project_reads import counting_reads, reads_in_project, sessions_in_project

CASE = "hippocampus_148"


def export(project, folder, **settings):
    *_, done = exporting(project, folder, **settings)
    return done


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def two_reads(project, drawn, finished_by):
    """Anna drew both lesions, Bob one of them."""
    finished_by(project, "Anna", drawn)
    finished_by(project, "Bob", np.where(drawn == 2, 2, 0))
    return project


def test_masks_and_consensus_lie_on_the_scan(two_reads, drawn, tmp_path):
    done = export(two_reads, tmp_path / "out", way="union")
    assert (done.cases, done.reads, done.warnings) == ((CASE,), 2, ())
    folder = tmp_path / "out" / CASE
    assert sorted(path.name for path in folder.iterdir()) == ["Anna.nii.gz", "Bob.nii.gz", "consensus.nii.gz"]
    scan = two_reads.scan(CASE)
    for name, expected in (("Anna", drawn > 0), ("Bob", drawn == 2), ("consensus", drawn > 0)):
        found = read_labels(folder / f"{name}.nii.gz")
        assert np.array_equal(found.data, expected)
        assert found.grid.matches(scan.grid)
    image = nibabel.load(two_reads.image_paths(CASE)["image"])
    assert np.array_equal(nibabel.load(folder / "Anna.nii.gz").affine, image.affine)


def test_ratings_and_places_stand_in_a_table_and_no_cell_is_a_formula(project, drawn, tmp_path):
    place = Lesion(number=256, kind="small nodule", voxel=(3, 4, 5), note="=cmd|' /C calc'!A0")
    rated = Lesion(number=2, kind="nodule", ratings={"malignancy": 4, "subtlety": 5}, note="-1+1")
    import_read(project, CASE, "Anna", np.where(drawn == 2, 2, 0).astype("u1"), [rated, place])
    import_read(project, CASE, "Bob", np.zeros_like(drawn))
    export(project, tmp_path / "out")
    nodule, point, nothing = table(tmp_path / "out" / "ratings.csv")
    assert (nodule["rater"], nodule["kind"], nodule["malignancy"], nodule["subtlety"]) == (
        "Anna", "nodule", "4", "5",
    )  # fmt: skip
    assert nodule["margin"] == ""
    assert nodule["note"] == "'-1+1"
    ml = project.scan(CASE).grid.voxel_ml
    assert float(nodule["volume_ml"]) == pytest.approx(np.sum(drawn == 2) * ml)
    middle = np.argwhere(drawn == 2).mean(axis=0).round()
    assert [float(nodule[axis]) for axis in "dhw"] == middle.tolist()
    assert ([point[axis] for axis in "dhw"], point["volume_ml"]) == (["3", "4", "5"], "")
    assert point["note"] == "'=cmd|' /C calc'!A0"
    assert (nothing["rater"], nothing["lesion"], nothing["origin"]) == ("Bob", "", "imported")


def test_agreement_and_matched_lesions_stand_in_tables(two_reads, drawn, tmp_path):
    export(two_reads, tmp_path / "out")
    (pair,) = table(tmp_path / "out" / "agreement-pairs.csv")
    shared, both = np.sum(drawn == 2), np.sum(drawn > 0) + np.sum(drawn == 2)
    assert float(pair["dice"]) == pytest.approx(2 * shared / both)
    assert (pair["first"], pair["second"], pair["structure"]) == ("Anna", "Bob", "nodule")
    (case,) = table(tmp_path / "out" / "agreement-cases.csv")
    assert "10 mm on every side" in case["rule_of_the_box"]
    assert 0 < float(case["fleiss_kappa"]) < 1
    seen = {row["raters"]: row["seen_by"] for row in table(tmp_path / "out" / "findings.csv")}
    assert seen == {"Anna; Bob": "2", "Anna": "1"}


def test_anonymous_readers_have_no_name_anywhere(two_reads, tmp_path):
    export(two_reads, tmp_path / "out", anonymous=True)
    shown = numbered(two_reads, CASE)
    assert {row["rater"] for row in table(tmp_path / "out" / "ratings.csv")} == set(shown.values())
    for path in (tmp_path / "out").rglob("*"):
        assert "Anna" not in path.name
        assert not path.is_file() or b"Anna" not in path.read_bytes()


def test_a_rater_called_consensus_keeps_a_file(new_project, drawn, finished_by, tmp_path):
    project = new_project(raters=("Consensus", "Bob"))
    finished_by(project, "Consensus", np.where(drawn == 2, 2, 0))
    finished_by(project, "Bob", drawn)
    export(project, tmp_path / "out", way="intersection")
    folder = tmp_path / "out" / CASE
    assert np.array_equal(read_labels(folder / "Consensus-reader.nii.gz").data, drawn == 2)
    assert (folder / "consensus.nii.gz").exists()


def test_staple_tells_of_an_empty_read_by_case(project, drawn, finished_by, tmp_path):
    finished_by(project, "Anna", drawn)
    finished_by(project, "Bob", np.zeros_like(drawn))
    (warning,) = export(project, tmp_path / "out", way="staple").warnings
    assert warning.startswith(f"{CASE}: 1 of 2 reads are empty.")


def test_an_export_is_there_whole_or_not_at_all(two_reads, tmp_path):
    (two_reads.root / "reads" / CASE / "Bob" / "001" / "lesions.json").write_text("{}")
    with pytest.raises(RaterProjectError, match="checksum"):
        export(two_reads, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "taken").mkdir()
    with pytest.raises(RaterProjectError, match="is there already"):
        export(two_reads, tmp_path / "taken")


def test_nothing_finished_is_nothing_to_export(project, tmp_path):
    with pytest.raises(RaterProjectError, match="Nobody has finished a read"):
        export(project, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_last_blinded_read_counts_and_not_the_one_after_seeing_others(project, drawn, finished_by):
    first = np.where(drawn == 2, 2, 0)
    finished_by(project, "Anna", first)
    finished_by(project, "Anna", drawn)
    finished_by(project, "Bob", first)
    finished_by(project, "Bob", np.zeros_like(drawn))  # unblinded by now
    sessions = [(read.reader, read.record.session) for read in counting_reads(project, CASE)]
    assert sessions == [("Anna", 2), ("Bob", 1)]
    later = counting_reads(project, CASE, phase="unblinded")
    assert [(read.reader, read.record.session) for read in later] == [("Anna", 2), ("Bob", 2)]
    found = reads_in_project(project, CASE)
    assert np.array_equal(found.reads[0].data, drawn > 0)
    assert np.array_equal(found.reads[1].data, drawn == 2)


def test_sessions_of_one_rater_are_held_against_each_other(project, drawn, finished_by):
    finished_by(project, "Anna", drawn)
    assert sessions_in_project(project, CASE, "Anna") is None
    finished_by(project, "Anna", np.where(drawn == 2, 2, 0))
    found = sessions_in_project(project, CASE, "Anna")
    assert found.raters == ("session 1", "session 2")
    assert (found.case, found.patient) == (f"{CASE}, Anna", CASE)


def test_a_read_with_points_alone_has_looked_and_is_not_left_out(new_project, drawn):
    project = new_project(raters=("Anna", "Bob", "Carol"), protocol=Protocol(empty_reads="left out"))
    import_read(
        project, CASE, "Anna", np.where(drawn == 2, 2, 0).astype("u1"), [Lesion(number=2, kind="nodule")]
    )
    import_read(
        project, CASE, "Bob", np.zeros_like(drawn), [Lesion(number=256, kind="small nodule", voxel=(3, 4, 5))]
    )
    import_read(project, CASE, "Carol", np.zeros_like(drawn))
    counted = reads_in_project(project, CASE).counted("left out")
    assert counted.raters == ("Anna", "Bob")
    assert not consensus(counted.reads, 1).labels.data.any()


def test_an_open_read_does_not_count(project):
    with open_read(project, CASE, "Anna"):
        assert reads_in_project(project, CASE) is None
