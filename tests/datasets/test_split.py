"""Cases of real crops in parts: by patient, the data set's own first."""

from pathlib import Path

import pytest

import napari_diffseg as nd
from napari_diffseg.datasets import pairs
from napari_diffseg.datasets.case import Case
from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.datasets.split import Split, given_split, read_split, split_by_patient, write_split

HIPPOCAMPUS = Path(__file__).parents[1] / "data" / "hippocampus"


def data_set(*cases):
    """Of (patient, group), one for each visit; all with the same real files."""
    real = pairs.read(HIPPOCAMPUS)
    named = (
        Case(f"case-{number:03d}", patient, real.cases[0].source, group)
        for number, (patient, group) in enumerate(cases)
    )
    return Dataset(HIPPOCAMPUS, real.layout, real.channels, real.classes, tuple(named))


def patients_of(dataset, names):
    return {case.patient for case in dataset.cases if case.name in names}


def test_a_fifth_of_the_patients_chooses_with_all_their_cases():
    dataset = data_set(*((f"patient-{number % 20}", None) for number in range(100)))
    split = split_by_patient(dataset)
    train, validation = (patients_of(dataset, names) for names in (split.train, split.validation))
    assert (len(train), len(validation), split.test) == (16, 4, ())
    assert not train & validation
    assert (len(split.train), len(split.validation)) == (80, 20)
    assert split.rule == "By patient: 4 of 20 patients drawn for validation with seed 0."


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_the_cases():
    cases = [(f"patient-{number}", None) for number in range(20)]
    one, other = data_set(*cases), data_set(*reversed(cases))
    drawn = patients_of(one, split_by_patient(one, seed=3).validation)
    assert patients_of(other, split_by_patient(other, seed=3).validation) == drawn
    assert patients_of(one, split_by_patient(one, seed=4).validation) != drawn


def test_the_data_set_s_own_parts_are_kept():
    dataset = data_set(("a", "test"), ("b", "train"), ("c", "validation"), ("d", None), ("e", "train"))
    split = split_by_patient(dataset)
    assert split.train == ("case-001", "case-003", "case-004")
    assert (split.validation, split.test) == (("case-002",), ("case-000",))
    assert split.rule == "By patient: the data set's own parts."


def test_validation_is_drawn_from_training_where_the_data_set_has_none():
    dataset = data_set(*((f"train-{number}", "train") for number in range(10)), ("kept", "test"))
    split = split_by_patient(dataset, validation=0.3)
    assert (len(split.train), len(split.validation), split.test) == (7, 3, ("case-010",))
    assert split.rule == (
        "By patient: the data set's own parts; 3 of 10 patients drawn for validation with seed 0."
    )


def test_a_patient_in_two_parts_goes_to_the_one_held_back_furthest():
    dataset = data_set(("a", "train"), ("a", "test"), ("b", "train"), ("b", "validation"), ("c", "train"))
    split = split_by_patient(dataset)
    assert split.train == ("case-004",)
    assert split.validation == ("case-002", "case-003")
    assert split.test == ("case-000", "case-001")
    assert "2 cases moved to the part of their patient's other cases" in split.rule


def test_no_validation_is_drawn_where_none_is_asked_for():
    split = split_by_patient(pairs.read(HIPPOCAMPUS), validation=0.0)
    assert split.train == ("hippocampus_017", "hippocampus_148")
    assert split.validation == ()


def test_a_single_patient_cannot_be_split():
    with pytest.raises(nd.DatasetError, match="cases of 1 patients, and none would be left to train on"):
        split_by_patient(data_set(("a", None), ("a", None)))


def test_a_split_is_read_as_it_was_written(tmp_path):
    split = split_by_patient(pairs.read(HIPPOCAMPUS))
    write_split(split, tmp_path / "split.json")
    assert read_split(tmp_path / "split.json") == split
    assert [path.name for path in tmp_path.iterdir()] == ["split.json"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "the whole"),
        ('{"train": ["a"], "validation": [], "test": []}', "rule"),
        ('{"train": ["a"], "validation": ["a"], "test": [], "rule": ""}', "a stands there twice"),
        ('{"train": "a", "validation": [], "test": [], "rule": ""}', "train"),
        ('{"train": [], "validation": [], "test": [], "rule": "", "fold": 1}', "fold"),
    ],
)
def test_a_wrong_split_is_refused_by_what_is_wrong(tmp_path, text, place):
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(nd.DatasetError, match=r"split\.json is not a split") as refused:
        read_split(tmp_path / "split.json")
    assert place in str(refused.value)


def test_a_missing_split_is_named(tmp_path):
    with pytest.raises(nd.DatasetError, match=r"split\.json cannot be read \(No such file"):
        read_split(tmp_path / "split.json")


def test_a_split_made_by_hand_may_not_hold_a_case_twice():
    with pytest.raises(ValueError, match="b stands there twice"):
        Split(train=("a", "b"), validation=(), test=("b",), rule="by hand")


@pytest.fixture
def given(tmp_path):
    """Writes a split made by hand, and takes it for a data set."""

    def take(dataset, **parts):
        split = Split(**({"train": (), "validation": (), "test": ()} | parts), rule="by hand")
        write_split(split, tmp_path / "mine.json")
        return given_split(tmp_path / "mine.json", dataset)

    return take


def test_a_given_split_is_taken_as_it_is_and_leaves_other_cases_out(given):
    dataset = data_set(("a", "test"), ("b", None), ("b", None), ("c", "train"))
    split = given(dataset, train=("case-002", "case-001"), test=("case-003",))
    assert (split.train, split.validation, split.test) == (("case-002", "case-001"), (), ("case-003",))


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            {"train": ("case-000",), "test": ("case-001",)},
            "cases of 1 patients, such as a, into more than one",
        ),
        ({"train": ("case-000", "case-009")}, "lacks 1 of the 2 cases asked for, such as case-009"),
        ({"validation": ("case-000",)}, "mine.json has no case to train on"),
    ],
)
def test_a_given_split_that_does_not_fit_is_refused(given, parts, sentence):
    with pytest.raises(nd.DatasetError, match=sentence):
        given(data_set(("a", None), ("a", None), ("b", None)), **parts)
