"""A model's members against raters: official numbers, a saved result, verdicts where the truth is known."""

import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy import stats

from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.errors import GridMismatchError, ResultError, SettingsError
from napari_diffseg.metrics import iou
from napari_diffseg.raters.against_model import against_model, compare, interval_of_next
from napari_diffseg.raters.case_reads import CaseReads
from napari_diffseg.raters.exchangeability import distances, exchangeability
from napari_diffseg.raters.verdict import verdict
from napari_diffseg.results.folder import read_result, write_result
from napari_diffseg.volume import Box, Grid, LabelMap

DATA = Path(__file__).parents[1] / "data"
ORACLE = Path(__file__).parents[1] / "parity" / "data" / "ambdiffseg_metrics.safetensors"
NODULE = open_dataset(DATA / "lidc_nodules").cases[0]
RATERS = ("A", "B", "C", "D")


def reads(name="nodule"):
    return CaseReads(name, RATERS, NODULE.read().reads, patient=name)


def compared(members, drawn, name="case", spacing_mm=1.0):
    """Masks (n, H, W) of 0 and 1 as one slice."""
    members, drawn = np.asarray(members, bool)[:, None], np.asarray(drawn, bool)[:, None]
    grid = Grid(drawn.shape[1:], np.diag([spacing_mm] * 3 + [1.0]))
    raters = tuple(f"r{place}" for place in range(len(drawn)))
    case = CaseReads(name, raters, tuple(LabelMap(mask.astype("u1"), grid) for mask in drawn), patient=name)
    return compare(members, drawn, grid, case=case, structure="nodule")


def test_ged_is_that_of_the_official_code_on_all_its_sets():
    oracle = load_file(ORACLE)
    for number, count in enumerate(oracle["n_pred"].tolist()):
        members, drawn = (np.moveaxis(oracle[name][number], -1, 0) for name in ("pred", "gt"))
        found = compared(members[:count], drawn)
        assert found.ged.published == pytest.approx(oracle["raw.GED"][number], rel=1e-9, abs=1e-9)
        assert (found.ged.members, found.ged.raters) == (count, 4)


def test_a_saved_result_is_held_against_the_readers_of_a_real_nodule(result_of, tmp_path):
    case = reads()
    drawn = np.stack([read.data for read in case.reads])
    members = np.stack(
        [drawn[0], drawn[1], drawn[0] | drawn[2], drawn[3] & drawn[2], np.roll(drawn[1], 1, -1)]
    )
    result = result_of(members, case.reads[0], box=Box((0, 30, 30), (4, 90, 100)))
    (found,) = against_model(read_result(write_result(result, tmp_path / "result")), case)

    cut = (slice(None), *result.box.slices)
    overlap = [[iou(a[cut[1:]] > 0, b[cut[1:]] > 0) for b in drawn] for a in members]
    ours, theirs = members[cut].mean(axis=0), drawn[cut].mean(axis=0)
    correlation = np.corrcoef((ours * (1 - ours)).ravel(), (theirs * (1 - theirs)).ravel())[0, 1]
    assert found.variance_correlation == pytest.approx(correlation, abs=1e-9)
    assert 2 * (1 - np.mean(overlap)) - found.ged.published == pytest.approx(
        found.distances.between[:5, :5].mean() + found.distances.between[5:, 5:].mean()
    )
    ml = case.reads[0].grid.voxel_ml
    volumes = drawn[cut].sum(axis=(1, 2, 3)) * ml
    assert found.volumes_ml == pytest.approx(volumes.tolist())
    low, high = found.interval_ml
    assert found.inside == tuple(low <= volume <= high for volume in volumes)
    assert (found.case, found.structure, found.raters, found.members) == ("nodule", "nodule", RATERS, 5)


def test_members_equal_to_the_raters_match_in_every_number():
    drawn = np.stack([read.data[1] for read in NODULE.read().reads])
    found = compared(drawn, drawn)
    assert found.ged.published == pytest.approx(0)
    assert found.matched_iou == 1
    assert found.variance_correlation == pytest.approx(1)
    assert found.inside == (True,) * 4


def test_the_interval_holds_a_further_member_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for members in (3, 5, 16):
        held = [
            low <= rng.normal(10, 2) <= high
            for low, high in (interval_of_next(rng.normal(10, 2, members)) for _ in range(4000))
        ]
        assert np.mean(held) == pytest.approx(0.95, abs=0.012)
    assert interval_of_next(np.array([3.0])) is None
    assert interval_of_next(np.array([0.0, 1.0]))[0] == 0
    assert interval_of_next(np.full(5, 2.0)) == (2, 2)


def test_an_undefined_correlation_is_no_number():
    drawn = np.stack([read.data[1] for read in NODULE.read().reads])
    assert math.isnan(compared(drawn[[0, 0, 0]], drawn).variance_correlation)


def discs(radii, *, at=(32, 32)):
    y, x = np.ogrid[:64, :64]
    return np.stack([(y - at[0]) ** 2 + (x - at[1]) ** 2 <= radius**2 for radius in radii])


def cases_of(count, members, raters, seed=0, **moved):
    """Discs whose radii members and raters draw from normal laws (mean, sd)."""
    rng = np.random.default_rng(seed)
    return [
        compared(discs(rng.normal(*members, 8), **moved), discs(rng.normal(*raters, 4)), f"case {number}")
        for number in range(count)
    ]


def test_a_model_that_always_says_the_same_is_over_confident():
    found = verdict(cases_of(12, members=(12, 0.01), raters=(12, 3)))
    assert found.word == "over-confident"
    assert found.sentence.startswith("Over-confident: the model's answers are more like one another than")
    assert found.inside.mean < 0.5
    assert found.test.chance < 0.001


def test_a_model_that_is_sure_and_wrong_is_over_confident_though_it_varies():
    found = verdict(cases_of(12, members=(12, 2), raters=(12, 2), at=(40, 32)))
    assert found.word == "over-confident"


def test_a_model_that_draws_as_the_raters_do_matches():
    words = [verdict(cases_of(6, (12, 2), (12, 2), seed=seed)).word for seed in range(20)]
    assert words.count("matches") >= 17  # one of twenty errs by design
    found = verdict(cases_of(40, (12, 2), (12, 2)))
    assert found.inside.mean == pytest.approx(0.95, abs=0.05)
    assert found.among_raters == pytest.approx(found.test.among_members, abs=0.05)


def test_a_model_that_varies_more_than_the_raters_is_under_confident():
    found = verdict(cases_of(12, members=(12, 4), raters=(12, 0.5)))
    assert found.word == "under-confident"
    assert found.test.difference > 0.02


def test_a_difference_too_small_to_matter_is_no_verdict():
    found = verdict(cases_of(60, members=(20, 0.8), raters=(20, 1.1)))
    assert found.test.chance < 0.05
    assert abs(found.test.difference) < 0.02
    assert found.word == "matches"


def test_few_masks_say_what_they_cannot_show():
    few = verdict([compared(discs([12, 12]), discs([15, 16]))])
    assert few.word == "matches"
    assert few.test.least_chance == pytest.approx(1 / 6)
    assert few.sentence.endswith(
        "So few masks could not have shown any difference: draw more answers or take more cases."
    )
    one = verdict([compared(discs([12]), discs([15, 16]))])
    assert (one.word, one.test, one.inside.mean) == (None, None, None)
    assert "nothing can be said" in one.sentence


def test_the_chance_is_exact_for_one_case():
    """All ways to name three of seven masks members, one by one."""
    masks = discs([10, 11, 12, 14, 15, 16, 17])
    found = exchangeability([distances(masks[:3], masks[3:])])

    def difference(chosen):
        others = [place for place in range(7) if place not in chosen]
        among = np.mean([1 - iou(masks[a], masks[b]) for a, b in combinations(chosen, 2)])
        return among - np.mean([1 - iou(masks[a], masks[b]) for a in chosen for b in others])

    ways = [difference(chosen) for chosen in combinations(range(7), 3)]
    assert found.difference == pytest.approx(ways[0])
    assert found.chance == pytest.approx(np.mean(np.abs(ways) >= abs(ways[0]) - 1e-12))
    assert found.least_chance == pytest.approx(1 / 35)


def test_chances_are_even_where_nothing_differs():
    chances = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        radii = rng.normal(12, 2, (2, 9))
        chances.append(exchangeability([distances(discs(row[:5]), discs(row[5:])) for row in radii]).chance)
    assert stats.kstest(chances, "uniform").pvalue > 0.01


def test_the_share_inside_is_told_of_each_rater():
    members = discs([9, 10, 11, 12])
    found = verdict([compared(members, discs([10, 30]), "one"), compared(members, discs([11, 10]), "two")])
    assert found.inside_by_rater == {"r0": 1.0, "r1": 0.5}
    assert found.inside.mean == 0.75
    assert found.members == (4, 4)


def test_what_cannot_be_compared_is_refused(result_of):
    case = reads()
    drawn = np.stack([read.data for read in case.reads])
    result = result_of(drawn, case.reads[0])
    bare = replace(result, members=result.members[:0], recorded_ml=result.volumes_ml)
    with pytest.raises(ResultError, match="has no members to compare"):
        against_model(bare, case)
    moved = replace(result, scan_grid=Grid(result.scan_grid.shape, np.eye(4)))
    with pytest.raises(GridMismatchError, match="do not lie on the result's scan"):
        against_model(moved, case)
    with pytest.raises(SettingsError, match="on one structure"):
        verdict([])
