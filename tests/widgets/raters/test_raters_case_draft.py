"""Which files of a new case belong together, as their names say."""

from pathlib import Path

import pytest

from napari_diffseg.widgets.projects.case_draft import CaseDraft, drafts_of, joined, separated

STUDY = Path("/study")


def told(drafts):
    return [(draft.name, {channel: path.name for channel, path in draft.files.items()}) for draft in drafts]


def files(*names):
    return [STUDY / name for name in names]


@pytest.mark.parametrize(
    ("names", "cases"),
    [
        (("b.nii.gz", "a.nii"), [("b", {"image": "b.nii.gz"}), ("a", {"image": "a.nii"})]),
        (
            ("p1_flair.nii.gz", "p1_T1w.nii.gz", "p2_flair.nii.gz", "p2_T1w.nii.gz"),
            [
                ("p1", {"flair": "p1_flair.nii.gz", "t1": "p1_T1w.nii.gz"}),
                ("p2", {"flair": "p2_flair.nii.gz", "t1": "p2_T1w.nii.gz"}),
            ],
        ),
        (
            ("sub-01_FLAIR_reg.nii.gz", "sub-01_T1w_reg.nii.gz"),
            [("sub-01_reg", {"flair": "sub-01_FLAIR_reg.nii.gz", "t1": "sub-01_T1w_reg.nii.gz"})],
        ),
        (("flair.nii.gz", "t1.nii.gz"), [("study", {"flair": "flair.nii.gz", "t1": "t1.nii.gz"})]),
        (
            ("la_003_0000.nii.gz", "la_003_0001.nii.gz", "la_004_0000.nii.gz"),
            [
                ("la_003", {"0000": "la_003_0000.nii.gz", "0001": "la_003_0001.nii.gz"}),
                ("la_004_0000", {"image": "la_004_0000.nii.gz"}),
            ],
        ),
        # numbers of cases, not of channels
        (
            ("img_0001.nii.gz", "img_0002.nii.gz"),
            [("img_0001", {"image": "img_0001.nii.gz"}), ("img_0002", {"image": "img_0002.nii.gz"})],
        ),
        (("p1_flair.nii.gz",), [("p1_flair", {"flair": "p1_flair.nii.gz"})]),
        # two of one sequence, for a person to tell apart
        (
            ("p1_t1.nii.gz", "p1_t1.nii"),
            [("p1_t1", {"t1": "p1_t1.nii.gz"}), ("p1_t1", {"t1": "p1_t1.nii"})],
        ),
    ],
)
def test_files_make_cases_by_their_names(names, cases):
    assert told(drafts_of(files(*names))) == cases


def test_files_of_two_folders_are_never_one_case_by_themselves():
    drafts = drafts_of([STUDY / "a" / "flair.nii.gz", STUDY / "b" / "t1.nii.gz"])
    assert [draft.name for draft in drafts] == ["flair", "t1"]


def test_cases_that_a_person_joins_take_channels_from_their_folders():
    drafts = drafts_of([STUDY / "FLAIR" / "p1.nii.gz", STUDY / "T1" / "p1.nii.gz"])
    case = joined(drafts)
    assert (case.name, list(case.files)) == ("p1", ["flair", "t1"])


def test_a_channel_without_a_known_name_is_called_after_its_file():
    case = joined(drafts_of(files("p1_adc.nii.gz", "p1_dwi.nii.gz", "p1_t2.nii.gz")))
    assert (case.name, list(case.files)) == ("p1", ["p1_adc", "p1_dwi", "t2"])


def test_a_case_that_is_split_leaves_its_patient_to_each_file():
    (case,) = drafts_of(files("p1_flair.nii.gz", "p1_t1.nii.gz"))
    parts = separated(CaseDraft(case.name, case.files, "P1"))
    assert told(parts) == [
        ("p1_flair", {"flair": "p1_flair.nii.gz"}),
        ("p1_t1", {"t1": "p1_t1.nii.gz"}),
    ]
    assert {part.patient for part in parts} == {"P1"}
