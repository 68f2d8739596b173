"""Two models on the same cases."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.errors import SettingsError
from napari_diffseg.evaluation.paired import paired_difference

MODELS = Path(__file__).parents[2] / "docs" / "models"


def card(name):
    """Mean foreground Dice by case, from a model card's table."""
    with (MODELS / f"{name}.csv").open() as file:
        return {
            row["case"]: (float(row["dice_anterior"]) + float(row["dice_posterior"])) / 2
            for row in csv.DictReader(file)
        }


def named(values):
    return {f"case {k}": float(value) for k, value in enumerate(values)}


def test_the_hippocampus_cards_say_what_their_tables_give():
    found = paired_difference(card("hippocampus-imgx"), card("hippocampus-unet"), higher_is_better=True)
    sentence = (
        f"{found.mean:+.4f} Dice for diffusion over {found.cases} files, 95 % bootstrap interval "
        f"{found.low:+.4f} to {found.high:+.4f}; diffusion is better on {found.better} files"
    )
    text = (MODELS / "hippocampus-imgx.md").read_text(encoding="utf-8")
    assert sentence.replace("-", "−") in " ".join(text.split())
    assert found.verdict("diffusion", "the U-Net") == (
        "The interval holds zero: these cases do not tell whether diffusion or the U-Net is better."
    )


def test_a_clear_difference_names_the_better_model():
    rng = np.random.default_rng(1)
    low, high = named(rng.normal(0.5, 0.1, 30)), named(rng.normal(0.8, 0.1, 30))
    dice = paired_difference(low, high, higher_is_better=True)
    assert dice.high < 0
    assert dice.verdict("one", "other") == "other is better than one."
    ged = paired_difference(low, high, higher_is_better=False)
    assert ged.verdict("one", "other") == "one is better than other."
    assert (dice.better + ged.better, dice.mean) == (30, ged.mean)


def test_the_interval_is_near_that_of_the_normal_law():
    values = np.random.default_rng(2).normal(0.1, 1, 400)
    found = paired_difference(named(values), named(np.zeros(400)), higher_is_better=True)
    error = values.std() / 20
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_slices_of_one_patient_are_no_further_evidence():
    patient_effect = np.random.default_rng(3).normal(0, 1, 12)
    slices, zero = named(np.repeat(patient_effect, 20)), named(np.zeros(240))
    patients = {case: f"patient {k // 20}" for k, case in enumerate(slices)}
    whole = paired_difference(named(patient_effect), named(np.zeros(12)), higher_is_better=True)
    together = paired_difference(slices, zero, higher_is_better=True, patients=patients)
    apart = paired_difference(slices, zero, higher_is_better=True)
    assert together.high - together.low == pytest.approx(whole.high - whole.low, rel=0.05)
    assert apart.high - apart.low < 0.4 * (together.high - together.low)


def test_a_case_without_a_value_of_both_is_counted_and_left_out():
    found = paired_difference(named([1, math.nan, 3, 4]), named([1, 1, 1, math.nan]), higher_is_better=True)
    assert (found.cases, found.undefined, found.mean, found.better) == (2, 2, 1, 1)


def test_other_cases_and_too_few_of_them_are_refused():
    with pytest.raises(SettingsError, match="1 cases have a score of one model alone, case 2 among them"):
        paired_difference(named([1, 2, 3]), named([1, 2]), higher_is_better=True)
    with pytest.raises(SettingsError, match=r"at least 2 patients .* there are 1"):
        paired_difference(named([1, math.nan]), named([2, 2]), higher_is_better=True)
