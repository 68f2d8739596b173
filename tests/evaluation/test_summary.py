"""Means over cases, and what a training run selects by."""

import json
import math
from dataclasses import asdict, astuple

import pytest

from napari_diffseg.errors import SettingsError
from napari_diffseg.evaluation.case_score import CaseScore, score
from napari_diffseg.evaluation.summary import Mean, by_case, summarise

LEFT, BOTH, NONE = [1, 0, 0], [1, 1, 0], [0, 0, 0]
NAN = math.nan


def of(case, dice, hd95_mm, **others):
    """A score of two classes."""
    same = (0.5, 0.5)
    return CaseScore(case, 2, 1, dice, hd95_mm, same, same, same, same, **others)


SCORES = [of("a", (0.8, 0.6), (1.0, 3.0)), of("b", (0.9, 0.0), (2.0, NAN)), of("c", (1.0, 1.0), (NAN, NAN))]


def test_a_mean_is_over_cases_and_counts_what_is_undefined():
    means = summarise(SCORES, ["front", "rear"]).means
    # 0.7, 0.45 and 1; 2, 2 and nothing
    assert astuple(means["dice"]) == pytest.approx((2.15 / 3, 0.275379, 3, 0), rel=1e-5)
    assert means["hd95_mm"] == Mean(2.0, 0.0, 2, 3)
    assert astuple(means["hd95_mm, front"]) == pytest.approx((1.5, math.sqrt(0.5), 2, 1))
    assert means["hd95_mm, rear"] == Mean(3.0, None, 1, 2)


def test_masks_that_are_both_empty_are_counted_apart_from_missed_ones():
    summary = summarise(SCORES, ["front", "rear"])
    assert (summary.both_empty, summary.one_empty) == (2, 1)


def test_a_metric_without_any_value_is_none_and_json_holds_it(result, read):
    found = score(result(NONE), [read(NONE), read(NONE)], case="a")
    summary = summarise([found], ["lesion"])
    assert summary.means["hd95_mm"] == Mean(None, None, 0, 1)
    assert summary.means["ged_unbiased"] == Mean(None, None, 0, 1)
    assert json.loads(json.dumps(asdict(summary), allow_nan=False))["means"]["dice"]["value"] == 1


def test_one_class_has_no_lines_of_its_own(result, read):
    summary = summarise([score(result(LEFT), [read(LEFT)], case="a")], ["lesion"])
    assert not any("lesion" in name for name in summary.means)
    assert "ged" not in summary.means


def test_cases_with_one_read_select_by_the_highest_dice():
    selection = summarise(SCORES, ["front", "rear"]).selection
    assert (selection.metric, selection.value) == ("dice", pytest.approx(2.15 / 3))
    assert selection.beats(None)
    assert selection.beats(0.7)
    assert not selection.beats(0.72)
    assert selection.rule == "highest mean foreground Dice of the consensus"


def test_cases_with_several_reads_select_by_the_lowest_energy_distance(result, read):
    reads = [read(LEFT), read(BOTH)]
    near, far = (score(result(*members), reads, case="a") for members in ((LEFT, BOTH), (LEFT, NONE)))
    best = summarise([near], ["lesion"]).selection
    assert (best.metric, best.value) == ("ged", 0)
    assert best.rule == "lowest mean GED, 2 members against all reads"
    assert best.beats(summarise([far], ["lesion"]).selection.value)
    assert not best.beats(best.value)  # of equal ones the first stays


def test_one_case_with_a_single_read_makes_all_select_by_dice(result, read):
    several = score(result(LEFT), [read(LEFT), read(BOTH)], case="a")
    summary = summarise([several, score(result(LEFT), [read(BOTH)], case="b")], ["lesion"])
    assert (summary.selection.metric, summary.selection.value) == ("dice", pytest.approx((1 + 2 / 3) / 2))
    assert summary.means["ged"].cases == 1
    assert summary.means["dice"].cases == 2


def test_values_by_case_are_means_over_the_classes_that_have_one():
    found = by_case(SCORES, "hd95_mm")
    assert (found["a"], found["b"]) == (2, 2)
    assert math.isnan(found["c"])
    assert by_case(SCORES, "ged") == {}


def test_scores_of_different_ensembles_are_not_summed_up(result, read):
    reads = [read(LEFT), read(BOTH)]
    mixed = [score(result(*[LEFT] * n), reads, case=str(n)) for n in (4, 2)]
    with pytest.raises(SettingsError, match="2 scores with 2 and 4 members have no summary"):
        summarise(mixed, ["lesion"])
    with pytest.raises(SettingsError, match="0 scores with no members"):
        summarise([], ["lesion"])
