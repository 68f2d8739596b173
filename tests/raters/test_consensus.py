"""Several reads of a real nodule taken together, and of made ones where the answer is plain."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 (its own custom)

from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.errors import GridMismatchError, SettingsError
from napari_diffseg.raters.consensus import consensus, soft_mean
from napari_diffseg.raters.stack import stated_box
from napari_diffseg.volume import Box, Grid, LabelMap

NODULES = {
    case.name: case for case in open_dataset(Path(__file__).parents[1] / "data" / "lidc_nodules").cases
}
ALL_FOUR, THREE = "LIDC-IDRI-0003_n02", "LIDC-IDRI-0493_n00"


def reads(name):
    return NODULES[name].read().reads


def stack(name):
    return np.stack([read.data for read in reads(name)])


def rows(*lists):
    """A read a list, along one axis."""
    grid = Grid((1, 1, len(lists[0])), np.eye(4))
    return [LabelMap(np.array(row, dtype=np.uint8)[None, None], grid) for row in lists]


def labels(found):
    return found.labels.data.ravel().tolist()


def with_nothing(name, *, places):
    """The reads, some of them emptied."""
    return [
        LabelMap(np.zeros_like(read.data), read.grid) if place in places else read
        for place, read in enumerate(reads(name))
    ]


def test_every_way_counts_the_readers_of_a_real_nodule():
    votes = stack(ALL_FOUR).astype(int).sum(axis=0)
    for way, level, expected in (
        ("majority", 0.5, votes > 2),
        ("union", 0.5, votes > 0),
        ("intersection", 0.5, votes == 4),
        ("level", 0.5, votes >= 2),
        ("level", 0.75, votes >= 3),
        ("level", 0.76, votes == 4),
        ("level", 0.01, votes > 0),
    ):
        found = consensus(reads(ALL_FOUR), 1, way=way, level=level)
        assert np.array_equal(found.labels.data, expected), (way, level)
        assert found.counted == (0, 1, 2, 3)
    assert found.labels.grid.matches(reads(ALL_FOUR)[0].grid)


def test_a_share_of_ten_readers_is_not_lost_in_rounding():
    found = consensus(rows(*([[1, 1, 1]] * 7 + [[0, 1, 1]] * 2 + [[0, 0, 1]])), 1, way="level", level=0.7)
    assert labels(found) == [1, 1, 1]
    assert labels(consensus(rows(*([[1]] * 3 + [[0]] * 7)), 1, way="level", level=0.3)) == [1]


def test_several_structures_are_each_taken_by_themselves():
    drawn = rows([1, 1, 2, 0, 2], [1, 2, 2, 2, 2], [1, 2, 0, 1, 2])
    assert labels(consensus(drawn, 2)) == [1, 2, 2, 0, 2]
    assert labels(consensus(drawn, 2, way="union")) == [1, 2, 2, 1, 2]
    assert labels(consensus(drawn, 2, way="intersection")) == [1, 0, 0, 0, 2]
    assert labels(consensus(drawn, 2, way="level", level=0.6)) == [1, 2, 2, 0, 2]
    assert labels(consensus(drawn, 1)) == [1, 0, 0, 0, 0]


@pytest.mark.parametrize("name", [ALL_FOUR, THREE])
@pytest.mark.parametrize("whole", [True, False])
def test_staple_is_simpleitks_own_call_on_the_same_voxels(name, whole):
    given = reads(name)
    box = Box.whole(given[0].grid.shape) if whole else stated_box(given)
    found = consensus(given, 1, way="staple", box=None if whole else box)
    algorithm = sitk.STAPLEImageFilter()
    algorithm.SetForegroundValue(1)
    images = [sitk.GetImageFromArray(np.ascontiguousarray(read.data[box.slices])) for read in given]
    truth = sitk.GetArrayFromImage(algorithm.Execute(images)) >= 0.5
    assert np.array_equal(found.labels.data[box.slices], truth)
    assert found.labels.data.sum() == truth.sum()
    assert [row.sensitivity for row in found.reliability] == list(algorithm.GetSensitivity())
    assert [row.specificity for row in found.reliability] == list(algorithm.GetSpecificity())
    assert [(row.read, row.label) for row in found.reliability] == [(0, 1), (1, 1), (2, 1), (3, 1)]
    assert found.box == box


def test_staple_of_several_structures_trusts_the_careful_readers():
    rng = np.random.default_rng(0)
    truth = np.zeros((6, 20, 20), dtype=np.uint8)
    truth[1:5, 3:12, 3:9], truth[2:5, 8:17, 12:18] = 1, 2
    careless = np.where(rng.random(truth.shape) < 0.3, rng.integers(0, 3, truth.shape), truth).astype("u1")
    grid = Grid(truth.shape, np.eye(4))
    found = consensus([LabelMap(read, grid) for read in (truth, truth, careless)], 2, way="staple")
    assert np.array_equal(found.labels.data, truth)
    trust = {(row.read, row.label): (row.sensitivity, row.specificity) for row in found.reliability}
    for label in (1, 2):
        assert min(trust[0, label]) > 0.999
        measured = (
            np.mean(careless[truth == label] == label),
            np.mean(careless[truth != label] != label),
        )
        assert trust[2, label] == pytest.approx(measured, abs=1e-3)


def test_staple_warns_of_an_empty_read_and_of_a_structure_that_one_lacks():
    found = consensus(reads(THREE), 1, way="staple")
    assert found.warnings == (
        "1 of 4 reads are empty. STAPLE may then take what the others marked for error and drop it; "
        "compare with the majority.",
    )
    assert consensus(reads(ALL_FOUR), 1, way="staple").warnings == ()
    (warning,) = consensus(rows([1, 2, 0, 0], [1, 0, 0, 0], [1, 2, 0, 0]), 2, way="staple").warnings
    assert "1 of 3 reads hold nothing of label 2" in warning


def test_one_read_of_four_with_a_mark_collapses_and_says_so():
    found = consensus(with_nothing(ALL_FOUR, places=(1, 2, 3)), 1, way="staple")
    assert not found.labels.data.any()
    assert "3 of 4 reads are empty" in found.warnings[0]


def test_only_empty_reads_stay_empty_and_staple_is_not_called(monkeypatch):
    monkeypatch.setattr(sitk.STAPLEImageFilter, "Execute", None)
    given = with_nothing(ALL_FOUR, places=(0, 1, 2, 3))
    for empty_reads in ("saw nothing", "left out"):
        found = consensus(given, 1, way="staple", empty_reads=empty_reads)
        assert not found.labels.data.any()
        assert (found.warnings, found.reliability) == ((), ())


def test_a_setting_says_whether_an_empty_read_counts():
    given = with_nothing(ALL_FOUR, places=(2, 3))
    both = (given[0].data > 0) & (given[1].data > 0)
    saw_nothing = consensus(given, 1)
    assert not saw_nothing.labels.data.any()
    left_out = consensus(given, 1, empty_reads="left out")
    assert np.array_equal(left_out.labels.data, both)
    assert left_out.counted == (0, 1)
    assert consensus(given, 1, way="staple", empty_reads="left out").warnings == ()


def test_the_soft_mean_is_the_share_of_readers():
    expected = stack(ALL_FOUR).mean(axis=0)
    mean = soft_mean(reads(ALL_FOUR), 1)
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean[0], expected, atol=1e-7)
    given = with_nothing(ALL_FOUR, places=(3,))
    assert soft_mean(given, 1).max() == 0.75
    assert soft_mean(given, 1, empty_reads="left out").max() == 1
    assert not soft_mean(with_nothing(ALL_FOUR, places=range(4)), 1, empty_reads="left out").any()


@pytest.mark.parametrize("level", [0, -0.1, 1.01, float("nan")])
def test_an_impossible_level_is_refused(level):
    with pytest.raises(SettingsError, match="more than 0 and at most 1"):
        consensus(rows([1], [0]), 1, way="level", level=float(level))


def test_reads_that_cannot_be_taken_together_are_refused():
    with pytest.raises(SettingsError, match="0 reads of a case"):
        consensus([], 1)
    with pytest.raises(GridMismatchError, match="Read 2 of a case does not lie on the grid of the first"):
        consensus([*reads(ALL_FOUR)[:1], *reads(THREE)[:1]], 1)
