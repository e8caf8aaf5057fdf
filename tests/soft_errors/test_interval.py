"""95 % intervals: beside SciPy where inputs are independent, by simulation where they are not."""

import numpy as np
import pytest
from scipy import stats

from eie_backend.soft_errors.interval import of_mean, of_share


@pytest.mark.parametrize("count", [0, 1, 7, 50, 100])
def test_of_independent_inputs_it_is_wilsons(count):
    found = of_share([count // 2, count - count // 2], 50, alike=False)
    expected = stats.binomtest(count, 100).proportion_ci(0.95, "wilson")
    assert found == pytest.approx(tuple(expected), abs=1e-12)


def test_trials_that_agree_count_once_each():
    one_each = stats.binomtest(0, 20).proportion_ci(0.95, "wilson")
    assert of_share([0] * 20, 1000, alike=True) == pytest.approx(tuple(one_each), abs=1e-12)
    assert of_share([500], 1000, alike=True)[1] > 0.9


def test_inputs_that_vary_as_if_independent_count_as_such():
    rng = np.random.default_rng(1)
    counts = rng.binomial(1000, 0.3, 400).tolist()
    alike, apart = (of_share(counts, 1000, alike) for alike in (True, False))
    assert alike == pytest.approx(apart, abs=5e-4)


@pytest.mark.parametrize("of", [of_mean, lambda counts, n: of_share(counts, n, alike=True)])
def test_it_covers_the_mean_of_trials_that_differ(of):
    """Of 500 campaigns of 40 trials whose shares are drawn from a beta distribution."""
    rng = np.random.default_rng(2)
    mean, hits = 2 / 7, 0
    for _ in range(500):
        shares = rng.beta(2, 5, 40)
        low, high = of(rng.binomial(200, shares).tolist(), 200)
        hits += low <= mean <= high
    assert 0.92 <= hits / 500 <= 0.98


def test_a_mean_stays_within_0_and_1():
    assert of_mean([0, 100], 100) == (0.0, 1.0)
    assert of_mean([99], 100) == (0.99, 0.99)
