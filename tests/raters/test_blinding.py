"""In the blinded phase nothing of another rater is opened; afterwards they are readers without names."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.raters.finished_read import newest, numbered, phase_of, reads_of
from napari_diffseg.raters.imported_read import import_read
from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.opening import open_read
from napari_diffseg.raters.overview import Row, overview
from napari_diffseg.raters.project_document import Protocol

CASE = "hippocampus_148"

BLIND_WORK = """
import json, sys
seen = []
def hook(event, args):
    if event in ("open", "os.listdir", "os.scandir"):
        seen.append(str(args[0]))
sys.addaudithook(hook)
from napari_diffseg.raters.finished_read import phase_of, reads_of
from napari_diffseg.raters.opening import open_read
from napari_diffseg.raters.overview import overview
from napari_diffseg.raters.project import open_project
project = open_project(sys.argv[1])
for start in ("empty", "finished"):
    with open_read(project, "hippocampus_148", "Bob", start=start) as read:
        data = read.mask()
        data[5, 6, 7] = 2
        read.record(data)
        read.beat(1.0)
        if start == "empty":
            read.finish(data)
reads_of(project, "hippocampus_148", by="Bob")[0].class_mask()
overview(project, by="Bob")
phase_of(project, "hippocampus_148")
print(json.dumps(seen))
"""


def spoil(folder):
    """Garbage in every file of a rater, so that whoever opens one stumbles."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "finished":
            path.write_bytes(b"garbage")


def test_no_file_of_another_rater_is_opened_while_blinded(new_project, drawn, finished_by):
    project = new_project(raters=("Anna", "Bob", "Carol"))  # Carol has not read yet: the case stays blinded
    finished_by(project, "Anna", drawn)
    anna = project.root / "reads" / CASE / "Anna"
    spoil(anna)
    before = {path: path.stat().st_mtime_ns for path in anna.rglob("*")}
    run = subprocess.run(
        [sys.executable, "-c", BLIND_WORK, str(project.root)], capture_output=True, text=True, check=True
    )
    opened = json.loads(run.stdout.splitlines()[-1])
    assert any("/Bob/001/" in path for path in opened)  # the hook hears
    assert not [path for path in opened if "/Anna" in path]
    assert not [path for path in opened if path.endswith((f"/reads/{CASE}", "/reads"))]
    assert {path: path.stat().st_mtime_ns for path in anna.rglob("*")} == before


def test_a_case_is_unblinded_once_all_have_finished(project, drawn, finished_by):
    assert phase_of(project, CASE) == "blinded"
    finished_by(project, "Anna", drawn)
    assert phase_of(project, CASE) == "blinded"
    assert [read.reader for read in reads_of(project, CASE, by="Anna")] == ["Anna"]
    assert reads_of(project, CASE, by="Bob") == ()
    finished_by(project, "Bob", drawn // 3 * 3)
    assert phase_of(project, CASE) == "unblinded"


def test_others_are_numbered_readers_in_the_unblinded_phase(project, drawn, finished_by):
    finished_by(project, "Anna", drawn)
    finished_by(project, "Bob", np.where(drawn == 3, drawn, 0))
    other, own = sorted(reads_of(project, CASE, by="Anna"), key=lambda read: read.own)
    assert (own.reader, own.own) == ("Anna", True)
    assert other.reader in ("reader 1", "reader 2")
    assert "Bob" not in repr(other.record)
    assert np.array_equal(other.mask().data, np.where(drawn == 3, drawn, 0))
    assert [read.reader for read in reads_of(project, CASE, by=None)] == ["Anna", "Bob"]


def test_names_are_shown_where_the_protocol_says_so(new_project, drawn, finished_by):
    project = new_project(protocol=Protocol(show_names=True))
    for rater in ("Anna", "Bob"):
        finished_by(project, rater, drawn)
    assert [read.reader for read in reads_of(project, CASE, by="Bob")] == ["Anna", "Bob"]


def test_a_readers_number_is_fixed_in_a_case_and_tells_nothing_of_the_next(new_project):
    raters = tuple(f"Rater {number}" for number in range(8))
    cases = ("hippocampus_148", "hippocampus_017")
    project = new_project(cases=cases, raters=raters)
    document = project.document.model_copy(update={"id": "0" * 32})  # otherwise random
    project = dataclasses.replace(project, document=document)
    first, second = (numbered(project, case) for case in cases)
    assert numbered(project, cases[0]) == first
    assert sorted(first.values()) == sorted(second.values()) == [f"reader {k}" for k in range(1, 9)]
    assert first != second
    assert list(first) != list(raters)


def test_unblinded_work_is_a_new_session_and_the_blinded_one_stays(project, drawn, finished_by):
    for rater in ("Anna", "Bob"):
        finished_by(project, rater, drawn)
    folder = project.root / "reads" / CASE / "Anna" / "001"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    record = finished_by(project, "Anna", drawn * 0, start="finished")
    assert (record.session, record.phase, record.from_session) == (2, "unblinded", 1)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    # what Anna drew after seeing Bob is not among what Bob sees
    assert [read.record.session for read in reads_of(project, CASE, by="Bob") if not read.own] == [1]
    assert [(r.reader, r.record.session) for r in newest(reads_of(project, CASE, by=None))] == [
        ("Anna", 2),
        ("Bob", 1),
    ]


def test_a_kill_before_the_finish_was_marked_is_mended_at_the_next_opening(project, drawn, finished_by):
    for rater in ("Anna", "Bob"):
        finished_by(project, rater, drawn)
    (project.root / "reads" / CASE / "Anna" / "finished").unlink()
    assert phase_of(project, CASE) == "blinded"
    open_read(project, CASE, "Anna").close()
    assert phase_of(project, CASE) == "unblinded"


def test_imported_reads_are_finished_and_unblinded(project, drawn):
    lesions = [Lesion(number=number, kind="nodule", ratings={"malignancy": number}) for number in (2, 3)]
    lesions.append(Lesion(number=256, kind="non-nodule", voxel=(1, 2, 3)))
    for rater in ("Anna", "Bob"):
        record = import_read(project, CASE, rater, drawn, lesions, note="From elsewhere.")
    assert (record.kind, record.phase, record.status) == ("imported", "unblinded", "finished")
    found = reads_of(project, CASE, by="Anna")
    assert len(found) == 2
    assert all(read.lesions() == tuple(lesions) for read in found)
    assert np.array_equal(found[0].class_mask().data, drawn > 0)


@pytest.mark.parametrize(
    ("value", "lesions", "sentence"),
    [
        (7, [], "value 7, which belongs to no lesion"),
        (
            2,
            [Lesion(number=2, kind="nodule", ratings={"malignancy": 6})],
            "6 is not on the scale of “Malignancy”",
        ),
        (2, [Lesion(number=2, kind="tumour")], "“tumour” is no kind of lesion"),
        (2, [Lesion(number=2, kind="nodule", label=2)], "class 2, and the project has 1"),
        (
            2,
            [Lesion(number=2, kind="nodule"), Lesion(number=2, kind="nodule")],
            "Two lesions have the number 2",
        ),
        (0, [Lesion(number=256, kind="nodule")], "its number must lie from 2 to 255"),
        (0, [Lesion(number=2, kind="non-nodule", voxel=(1, 1, 1))], "its number must be 256 or more"),
        (
            0,
            [Lesion(number=256, kind="non-nodule", voxel=(1, 1, 99))],
            "outside the scan of 32 × 48 × 34 voxels",
        ),
    ],
)
def test_an_import_that_does_not_fit_is_refused_and_leaves_nothing(project, drawn, value, lesions, sentence):
    mask = np.zeros_like(drawn)
    mask[0, 0, 0] = value
    with pytest.raises(RaterProjectError, match=sentence):
        import_read(project, CASE, "Anna", mask, lesions)
    assert list((project.root / "reads").iterdir()) == []


def test_an_import_with_an_endless_note_is_refused(project, drawn):
    with pytest.raises(RaterProjectError, match="at “note”"):
        import_read(project, CASE, "Anna", drawn * 0, note="a" * 10_001)


def test_the_table_tells_others_states_alone_while_blinded(project, drawn, finished_by):
    finished_by(project, "Anna", drawn)
    with open_read(project, CASE, "Bob") as read:
        read.beat(2.0)
    assert overview(project, by="Bob") == (
        Row(CASE, "Anna", "finished", "blinded"),
        Row(CASE, "Bob", "open", "blinded", 1, 2.0, 0),
    )
    assert overview(project, by="Anna")[1] == Row(CASE, "Bob", "open", "blinded")
    assert overview(project, by=None)[0] == Row(CASE, "Anna", "finished", "blinded", 1, 0.0, 2)


@pytest.mark.parametrize(("show_names", "others"), [(True, (1, 2)), (False, (None, None))])
def test_the_table_tells_of_others_work_only_where_names_are_shown(
    new_project, drawn, finished_by, show_names, others
):
    project = new_project(protocol=Protocol(show_names=show_names))
    for rater in ("Anna", "Bob"):
        finished_by(project, rater, drawn)
    rows = overview(project, by="Anna")
    assert [(row.sessions, row.lesions) for row in rows] == [(1, 2), others]
    assert [row.state for row in rows] == ["finished", "finished"]


def test_strangers_see_no_reads(project):
    with pytest.raises(RaterProjectError, match="“Carol” does not read"):
        reads_of(project, CASE, by="Carol")
