"""Bootstrap intervals of a mean."""

import tracemalloc

import numpy as np
import pytest

from napari_diffseg.errors import SettingsError
from napari_diffseg.metrics.bootstrap import mean_interval


def test_it_is_the_plain_percentile_bootstrap():
    values = np.random.default_rng(1).normal(size=12)
    drawn = np.random.default_rng(0).integers(12, size=(10_000, 12))
    expected = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    assert mean_interval(values, [f"{k:02d}" for k in range(12)]) == pytest.approx(tuple(expected), abs=1e-12)


def test_the_order_of_owners_changes_nothing():
    values, owners = np.random.default_rng(2).normal(size=30), [f"patient {k % 7}" for k in range(30)]
    turned = mean_interval(values[::-1].copy(), owners[::-1])
    assert turned == pytest.approx(mean_interval(values, owners), abs=1e-12)


def test_values_of_one_owner_widen_the_interval_as_one_value_does():
    of_owner = np.random.default_rng(3).normal(size=10)
    names = [str(k) for k in range(10)]
    assert mean_interval(np.repeat(of_owner, 50), list(np.repeat(names, 50).tolist())) == pytest.approx(
        mean_interval(of_owner, names), abs=1e-12
    )


def test_thousands_of_cases_need_no_memory_for_all_resamples():
    tracemalloc.start()
    mean_interval(np.random.default_rng(4).normal(size=3000), [str(k) for k in range(3000)])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 60e6  # all at once would be 480 MB


def test_a_single_owner_is_refused():
    with pytest.raises(SettingsError, match="at least 2 patients, and there are 1"):
        mean_interval(np.ones(5), ["one"] * 5)
