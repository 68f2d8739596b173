"""Agreement of readers of real nodules, held to direct computations on the whole masks."""

import math
import time
from itertools import combinations
from pathlib import Path

import krippendorff
import numpy as np
import pytest
from scipy.ndimage import binary_erosion, distance_transform_edt
from statsmodels.stats.inter_rater import fleiss_kappa

from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.errors import SettingsError
from napari_diffseg.raters.agreement import agreement
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.disagreement import disagreement
from napari_diffseg.raters.stack import rule_of
from napari_diffseg.raters.summary import summarise
from napari_diffseg.volume import Box, Grid, LabelMap

DATA = Path(__file__).parents[1] / "data"
RATERS = ("A", "B", "C", "D")


def cases(place):
    return [
        CaseReads(case.name, RATERS, case.read().reads, patient=case.patient)
        for case in open_dataset(DATA / place).cases
    ]


NODULES = cases("lidc_nodules")
EVERY = NODULES + cases("lidc/hdf5")


def overlaps(a, b):
    shared, both = np.sum(a & b), np.sum(a) + np.sum(b)
    return (2 * shared / both, shared / (both - shared)) if both else (1.0, 1.0)


def hausdorff_95(a, b, spacing_mm):
    if not (a.any() and b.any()):
        return math.nan
    if len(a) == 1:
        a, b, spacing_mm = a[0], b[0], spacing_mm[1:]
    surfaces = [mask & ~binary_erosion(mask) for mask in (a, b)]
    away = [distance_transform_edt(~surface, sampling=spacing_mm) for surface in surfaces]
    return max(np.percentile(away[1][surfaces[0]], 95), np.percentile(away[0][surfaces[1]], 95))


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.case)
def test_pairs_are_those_of_a_direct_computation(case):
    (found,) = agreement(case, ("nodule",)).structures
    grid, masks = case.reads[0].grid, [read.data > 0 for read in case.reads]
    assert [(pair.first, pair.second) for pair in found.pairs] == list(combinations(RATERS, 2))
    for pair, (a, b) in zip(found.pairs, combinations(masks, 2), strict=True):
        assert (pair.dice, pair.iou) == pytest.approx(overlaps(a, b), abs=1e-12)
        assert pair.hd95_mm == pytest.approx(hausdorff_95(a, b, grid.spacing_mm), abs=1e-9, nan_ok=True)
        assert pair.volume_difference_ml == pytest.approx(
            (a.sum() - b.sum()) * np.prod(grid.spacing_mm) / 1000
        )
        assert pair.marked == int(a.any()) + int(b.any())


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.case)
def test_kappa_and_alpha_are_those_of_other_packages_over_the_stated_box(case):
    found = agreement(case, ("nodule",), margin_mm=5.0)
    (structure,) = found.structures
    ratings = np.stack([read.data[found.box.slices].ravel() > 0 for read in case.reads])
    if not ratings.any():
        assert math.isnan(structure.kappa)
        assert math.isnan(structure.alpha)
        return
    marked = ratings.sum(axis=0)
    assert structure.kappa == pytest.approx(fleiss_kappa(np.stack([4 - marked, marked], axis=1)), abs=1e-12)
    assert structure.alpha == pytest.approx(
        krippendorff.alpha(ratings.astype(float), level_of_measurement="nominal"), abs=1e-12
    )


def test_the_box_is_all_that_is_marked_and_a_margin_in_mm():
    case = NODULES[0]
    z_mm, y_mm, x_mm = case.reads[0].grid.spacing_mm
    marked = np.argwhere(np.any([read.data for read in case.reads], axis=0))
    margin = np.ceil(np.divide(7, (z_mm, y_mm, x_mm))).astype(int)
    start = np.maximum(marked.min(axis=0) - margin, 0)
    stop = np.minimum(marked.max(axis=0) + 1 + margin, case.reads[0].grid.shape)
    found = agreement(case, ("nodule",), margin_mm=7.0)
    assert found.box == Box(tuple(start.tolist()), tuple(stop.tolist()))
    assert found.margin_mm == 7
    assert "union of all reads' boxes and 7 mm" in rule_of(7.0)
    with pytest.raises(SettingsError, match="The margin is -1 mm"):
        agreement(case, ("nodule",), margin_mm=-1.0)


def test_more_background_raises_kappa_so_the_box_matters():
    near, far = (agreement(NODULES[0], ("nodule",), margin_mm=mm).structures[0] for mm in (0.0, 50.0))
    assert far.kappa > near.kappa + 0.01
    assert [pair.dice for pair in far.pairs] == [pair.dice for pair in near.pairs]


def test_where_nobody_marks_anything_masks_agree_and_kappa_is_not_defined():
    (empty,) = (case for case in EVERY if not any(read.data.any() for read in case.reads))
    found = agreement(empty, ("nodule",))
    assert found.box == Box.whole(empty.reads[0].grid.shape)
    assert {pair.dice for pair in found.structures[0].pairs} == {1.0}
    assert math.isnan(found.structures[0].kappa)
    assert found.detection.findings == ()


def test_empty_reads_are_left_out_where_the_setting_says_so():
    case = NODULES[1]
    empty = [rater for rater, read in zip(RATERS, case.reads, strict=True) if not read.data.any()]
    assert empty == ["D"]
    assert len(agreement(case, ("nodule",)).structures[0].pairs) == 6
    found = agreement(case, ("nodule",), empty_reads="left out")
    assert (found.raters, found.left_out) == (("A", "B", "C"), ("D",))
    assert len(found.structures[0].pairs) == 3


def test_a_single_read_has_no_pair_and_no_kappa():
    case = NODULES[0].only([2])
    (found,) = agreement(case, ("nodule",)).structures
    assert found.pairs == ()
    assert math.isnan(found.kappa)


def test_each_structure_has_its_own_row():
    labels = np.zeros((2, 3, 6), dtype=np.uint8)
    labels[0, :, :2], labels[1, :, 3:] = 1, 2
    other = np.where(labels == 2, 1, labels).astype(np.uint8)
    grid = Grid(labels.shape, np.eye(4))
    case = CaseReads("x", ("A", "B"), (LabelMap(labels, grid), LabelMap(other, grid)))
    first, second = agreement(case, ("one", "two")).structures
    assert (first.structure, first.voxels, second.voxels) == ("one", (6, 15), (9, 0))
    assert first.pairs[0].dice == pytest.approx(2 * 6 / 21)
    assert second.pairs[0].dice == 0


@pytest.mark.parametrize("case", NODULES, ids=lambda case: case.case)
def test_the_curve_and_the_map_count_voxels_in_dispute(case):
    found = disagreement(case.reads)
    votes = np.sum([read.data > 0 for read in case.reads], axis=0)
    assert np.array_equal(found.votes, votes)
    assert found.disputed.tolist() == [int(((plane > 0) & (plane < 4)).sum()) for plane in votes]
    assert found.marked.tolist() == [int((plane > 0).sum()) for plane in votes]
    np.testing.assert_allclose(found.share, [np.mean(plane[plane > 0] < 4) for plane in votes])


def test_slices_that_nobody_marks_are_not_in_dispute():
    padded = [np.pad(read.data, ((3, 2), (0, 0), (0, 0))) for read in NODULES[0].reads]
    grid = Grid(padded[0].shape, np.eye(4))
    found = disagreement([LabelMap(read, grid) for read in padded])
    assert found.share[[0, 1, 2, -1, -2]].tolist() == [0] * 5
    assert found.share[3:-2].min() > 0


def test_the_summary_is_the_mean_over_cases_with_an_interval_over_patients():
    found = summarise(agreement(case, ("nodule",)) for case in EVERY)
    (structure,) = found.structures
    pairs = [[overlaps(a.data > 0, b.data > 0) for a, b in combinations(case.reads, 2)] for case in EVERY]
    dice, iou = np.mean(pairs, axis=(0, 1))
    assert (found.cases, found.reads) == (len(EVERY), 4 * len(EVERY))
    assert structure.dice.mean == pytest.approx(dice)
    assert structure.iou.mean == pytest.approx(iou)
    assert structure.expected_distance.mean == pytest.approx(1 - iou)
    assert structure.expected_distance_with_self.mean == pytest.approx((1 - iou) * 12 / 16)
    assert structure.dice.low < dice < structure.dice.high
    both = [
        overlaps(a.data > 0, b.data > 0)[1]
        for case in EVERY
        for a, b in combinations(case.reads, 2)
        if a.data.any() and b.data.any()
    ]
    assert (structure.iou_both.count, structure.iou_both.mean) == (len(both), pytest.approx(np.mean(both)))
    sizes = [read.data.sum() for case in EVERY for read in case.reads if read.data.any()]
    assert structure.voxels == (min(sizes), np.median(sizes), max(sizes))
    assert structure.empty.mean == pytest.approx(1 - len(sizes) / found.reads)
    assert structure.kappa.undefined == 1


def test_values_that_are_not_defined_are_counted_and_one_patient_has_no_interval():
    one = NODULES[1].only([0, 3])
    found = summarise([agreement(one, ("nodule",))])
    hd95 = found.structures[0].hd95_mm
    assert (hd95.mean, hd95.count, hd95.undefined) == (None, 0, 1)
    assert (found.structures[0].dice.mean, found.structures[0].dice.low) == (0, None)
    with pytest.raises(SettingsError, match="no case to summarise"):
        summarise([])


def test_a_whole_ct_with_lesions_far_apart_takes_seconds_not_minutes():
    grid = Grid((300, 512, 512), np.diag([2.0, 0.7, 0.7, 1.0]))
    reads = []
    for reader in range(4):
        mask = np.zeros(grid.shape, dtype=np.uint8)
        for z, y, x, radius in ((60, 400, 400, 6), (120, 200, 300, 9), (250, 90, 120 + reader, 15)):
            box = tuple(slice(at - radius, at + radius + 1) for at in (z, y, x))
            dz, dy, dx = np.ogrid[-radius : radius + 1, -radius : radius + 1, -radius : radius + 1]
            mask[box] = dz**2 + dy**2 + dx**2 <= radius**2
        reads.append(LabelMap(mask, grid))
    case = CaseReads("whole", RATERS, tuple(reads))
    started = time.process_time()
    found = agreement(case, ("nodule",))
    assert time.process_time() - started < 10  # about 1 s; maps of distances took 30 s a pair
    assert found.detection.seen_by == (0, 0, 0, 3)
