"""Kappa and alpha against published worked examples, other packages, and the law written out."""

import math
from itertools import permutations

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_kappa

from napari_diffseg.errors import SettingsError
from napari_diffseg.metrics.agreement import fleiss_kappa, krippendorff_alpha

# Fleiss 1971, table 1: 30 patients, 6 psychiatrists, 5 diagnoses
DIAGNOSES = """
    000600 030003 014001 000060 030300 204000 004020 203100 200400 000060
    100500 110400 032100 100500 020310 005010 300120 510000 020400 102030
    000060 010500 020130 200400 100410 050100 400020 020400 105000 000060
"""

# Krippendorff 2011, sections A and C; 0 stands for a missing rating
FOUR_OBSERVERS = "123321412000 123322412503 033323422510 123324412510"


def table(text, categories):
    return np.array([[int(n) for n in row][:categories] for row in text.split()])


def counted(ratings, categories):
    """Ratings (rater, item) with 0 for missing, as counts (item, category)."""
    return np.stack([(ratings == category).sum(axis=0) for category in range(1, categories + 1)], axis=1)


def test_kappa_of_fleiss_own_example():
    # the columns of his table: depression, personality disorder, schizophrenia, neurosis, other
    counts = table(DIAGNOSES, 6)
    assert set(counts.sum(axis=1)) == {6}
    assert fleiss_kappa(counts) == pytest.approx(0.430, abs=5e-4)


def test_alpha_of_krippendorffs_own_examples():
    ratings = table(FOUR_OBSERVERS, 12)
    assert krippendorff_alpha(counted(ratings, 5)) == pytest.approx(0.743, abs=5e-4)
    binary = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]) + 1
    assert krippendorff_alpha(counted(binary, 2)) == pytest.approx(0.095, abs=5e-4)


RATINGS = arrays(np.int64, st.tuples(st.integers(2, 5), st.integers(1, 12)), elements=st.integers(1, 3))


@given(RATINGS)
@settings(deadline=None)
def test_kappa_is_that_of_statsmodels(ratings):
    counts = counted(ratings, 3)
    ours = fleiss_kappa(counts)
    if len(np.unique(ratings)) == 1:
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(statsmodels_kappa(counts), abs=1e-12)


@given(
    arrays(np.int64, st.tuples(st.integers(2, 5), st.integers(1, 12)), elements=st.integers(0, 3)).filter(
        lambda ratings: len(np.unique(ratings[ratings > 0])) > 1
    )
)
@settings(deadline=None)
def test_alpha_is_that_of_the_krippendorff_package_with_ratings_missing(ratings):
    ours = krippendorff_alpha(counted(ratings, 3))
    pairable = (ratings > 0).sum(axis=0) > 1
    if len(np.unique(ratings[:, pairable][ratings[:, pairable] > 0])) < 2:
        assert math.isnan(ours)
        return
    theirs = krippendorff.alpha(
        reliability_data=np.where(ratings > 0, ratings, np.nan), level_of_measurement="nominal"
    )
    assert ours == pytest.approx(theirs, abs=1e-12)


@given(RATINGS)
@settings(deadline=None)
def test_alpha_follows_its_definition_pair_by_pair(ratings):
    """Observed: two ratings of one item; expected: two of all ratings (Krippendorff 2011)."""
    every = ratings.ravel()
    observed = np.mean([a != b for item in ratings.T for a, b in permutations(item, 2)])
    expected = np.mean([a != b for a, b in permutations(every, 2)])
    ours = krippendorff_alpha(counted(ratings, 3))
    if expected:
        assert ours == pytest.approx(1 - observed / expected, abs=1e-12)
    else:
        assert math.isnan(ours)


@given(RATINGS, st.integers(1, 4))
@settings(deadline=None)
def test_a_row_may_stand_for_several_items(ratings, times):
    counts = counted(ratings, 3)
    repeats = np.arange(len(counts)) % times
    for measure in (fleiss_kappa, krippendorff_alpha):
        short, long = measure(counts, repeats), measure(np.repeat(counts, repeats, axis=0))
        assert short == pytest.approx(long, abs=1e-12, nan_ok=True)


def test_raters_who_always_agree_have_one():
    counts = np.array([[4, 0], [0, 4], [4, 0]])
    assert fleiss_kappa(counts) == krippendorff_alpha(counts) == 1


def test_items_of_unequal_ratings_are_refused_by_kappa_alone():
    counts = np.array([[2, 1], [1, 1]])
    with pytest.raises(SettingsError, match=r"equally many raters .* got 2 to 3\. Use Krippendorff's alpha"):
        fleiss_kappa(counts)
    assert krippendorff_alpha(counts) < 1
    with pytest.raises(SettingsError, match="at least 2, and got 1 to 1"):
        fleiss_kappa(np.array([[1, 0]]))


def test_no_item_has_no_agreement():
    none = np.zeros((0, 2), dtype=np.int64)
    assert math.isnan(fleiss_kappa(none))
    assert math.isnan(krippendorff_alpha(none))
    assert math.isnan(krippendorff_alpha(np.array([[1, 0], [0, 1]])))
