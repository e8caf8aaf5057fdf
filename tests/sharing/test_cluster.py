"""`cluster`: the error is that of the best clustering, or hardly more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eie_backend.sharing.best_cuts import FEW_VALUES, best_cuts, bin_places
from eie_backend.sharing.cluster import cluster
from eie_backend.sharing.moved_cuts import moved_cuts
from eie_backend.sharing.sorted_values import SortedValues

INITIALIZATIONS = ("best", "linear", "density", "random")


def least_squared_error(values, clusters):
    """Return the error of the best 1-D clustering: divide and conquer over its different values.

    Written for this test, with nothing of the package: the last cut of the best clustering of the
    first n values does not move back as n grows.
    """
    different, count = np.unique(values.astype(np.float64), return_counts=True)
    different -= different.mean()
    weight, total, squares = (
        np.append(0, np.cumsum(count * different**power)) for power in range(3)
    )

    def cost(start, stop):
        size = np.maximum(weight[stop] - weight[start], 1)
        return squares[stop] - squares[start] - (total[stop] - total[start]) ** 2 / size

    n = different.size
    best = cost(0, np.arange(n + 1))
    for _ in range(min(clusters, n) - 1):
        following = np.zeros(n + 1)
        todo = [(0, n, 0, n)]
        while todo:
            first, last, low, high = todo.pop()
            middle = (first + last) // 2
            cuts = np.arange(low, min(high, middle) + 1)
            totals = best[cuts] + cost(cuts, middle)
            chosen = low + int(totals.argmin())
            following[middle] = totals[chosen - low]
            if first < middle:
                todo.append((first, middle - 1, low, chosen))
            if middle < last:
                todo.append((middle + 1, last, chosen, high))
        best = following
    return max(best[n], 0)  # differences of sums of squares may round below it


def squared_error(values, centroids):
    wide = centroids.astype(np.float64)
    above = np.searchsorted((wide[1:] + wide[:-1]) / 2, values)
    return np.sum((values.astype(np.float64) - wide[above]) ** 2)


def pruned(rng, n):
    """Two heaps, as pruning leaves them."""
    values = rng.normal(size=4 * n)
    return values[np.argsort(np.abs(values))[-n:]]


DRAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "laplace": lambda rng, n: rng.laplace(size=n),
    "pruned": pruned,
    "long tails": lambda rng, n: rng.standard_t(2, n),
    "uniform": lambda rng, n: rng.uniform(-1, 1, n),
    "positive": lambda rng, n: rng.exponential(size=n),
    "ties": lambda rng, n: np.round(100 * rng.normal(size=n)),
    "far from zero": lambda rng, n: 1000 + rng.normal(size=n),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("draw", "bits"),
    [*((draw, bits) for draw in DRAWS for bits in (2, 3, 4, 5, 6)), ("normal", 8)],
)
def test_the_error_is_within_a_thousandth_of_the_best(draw, bits):
    rng = np.random.default_rng(bits)
    values = np.sort(DRAWS[draw](rng, 2500 if bits == 8 else 1000).astype(np.float32))
    count = min(2**bits - 1, np.unique(values).size)
    best = least_squared_error(values, count)
    # Centroids are float32: half a unit in the last place for every value.
    rounding = np.sum((np.abs(values.astype(np.float64)) * 2.0**-24) ** 2)
    assert squared_error(values, cluster(values, count)) <= 1.001 * best + rounding


@st.composite
def any_values(draw):
    """Few or many values of any scale, with ties, outliers or an offset; a number of clusters."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = DRAWS[draw(st.sampled_from(sorted(DRAWS)))](rng, draw(st.integers(1, 600)))
    if draw(st.booleans()):
        values = rng.choice(values, draw(st.integers(1, 400)))
    if draw(st.booleans()):
        values[0] *= 1e3
    ordered = np.sort((values * 10.0 ** draw(st.integers(-6, 6))).astype(np.float32))
    count = min(2 ** draw(st.integers(1, 8)) - 1, np.unique(ordered).size)
    return ordered, count


@settings(max_examples=40)  # the oracle takes its time
@given(case=any_values())
def test_any_values_at_any_scale_have_the_best_error(case):
    values, count = case
    best = least_squared_error(values, count)
    rounding = np.sum((np.abs(values.astype(np.float64)) * 2.0**-23) ** 2)
    assert squared_error(values, cluster(values, count)) <= 1.001 * best + rounding


@given(case=any_values(), initialization=st.sampled_from(INITIALIZATIONS))
def test_centroids_ascend_within_the_values_and_are_the_same_every_time(case, initialization):
    values, count = case
    centroids = cluster(values, count, initialization)
    assert (centroids.shape, centroids.dtype) == ((count,), np.float32)
    assert (np.diff(centroids) >= 0).all()
    assert values[0] <= centroids[0]
    assert centroids[-1] <= values[-1]
    assert cluster(values, count, initialization).tolist() == centroids.tolist()


@given(case=any_values(), power=st.integers(-10, 10))
def test_scaling_by_a_power_of_two_scales_the_centroids(case, power):
    values, count = case
    scale = np.float32(2.0**power)
    assert (cluster(values * scale, count) == cluster(values, count) * scale).all()


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_every_centroid_is_the_mean_of_the_values_nearest_to_it(initialization):
    values = np.sort(np.random.default_rng(0).laplace(size=3000).astype(np.float32))
    centroids = cluster(values, 7, initialization).astype(np.float64)
    nearest = np.abs(values[:, None].astype(np.float64) - centroids).argmin(1)
    means = [values[nearest == k].mean(dtype=np.float64) for k in range(centroids.size)]
    np.testing.assert_allclose(centroids, means, rtol=1e-6)


def test_no_start_is_better_than_the_best():
    values = np.sort(pruned(np.random.default_rng(0), 20_000).astype(np.float32))
    errors = {how: squared_error(values, cluster(values, 15, how)) for how in INITIALIZATIONS}
    assert min(errors, key=errors.get) == "best"
    assert len(set(errors.values())) == 4


@given(case=any_values())
def test_the_best_clusters_of_few_values_are_the_best(case):
    values, count = case[0][:FEW_VALUES], min(case[1], 31)
    count = min(count, np.unique(values).size)
    error = SortedValues(values).error(best_cuts(SortedValues(values), count))
    best = least_squared_error(values, count)
    assert error == pytest.approx(best, rel=1e-6, abs=1e-9 * np.var(values, dtype=np.float64))


@given(case=any_values(), seed=st.integers(0, 1000))
def test_moving_cuts_never_adds_to_the_error(case, seed):
    values, count = case
    inner = np.sort(np.random.default_rng(seed).integers(0, values.size + 1, count - 1))
    cuts = np.concatenate([[0], inner, [values.size]])
    known = SortedValues(values)
    moved = moved_cuts(known, cuts)
    assert (moved[[0, -1]] == cuts[[0, -1]]).all()
    assert (np.diff(moved) >= 0).all()
    assert known.error(moved) <= known.error(cuts) * (1 + 1e-9)


@given(case=any_values(), bins=st.integers(1, 300))
def test_bins_begin_at_the_first_of_ties(case, bins):
    values, _ = case
    places = bin_places(values, bins)
    assert (places[0], places[-1]) == (0, values.size)
    assert (np.diff(places) > 0).all()
    inner = places[1:-1]
    assert (values[inner] != values[inner - 1]).all()
    assert places.size <= min(2 * bins, np.unique(values).size) + 2


@given(case=any_values(), seed=st.integers(0, 1000))
def test_sums_and_errors_of_ranges_are_those_of_their_values(case, seed):
    values, _ = case
    cuts = np.sort(np.random.default_rng(seed).integers(0, values.size + 1, 5))
    cuts[[0, -1]] = 0, values.size
    known = SortedValues(values)
    scale = 1e-9 * float(np.var(values, dtype=np.float64)) + 1e-30
    parts = [part.astype(np.float64) for part in np.split(values, cuts[1:-1])]
    expected = sum(np.sum((part - part.mean()) ** 2) for part in parts if part.size)
    assert known.error(cuts) == pytest.approx(expected, rel=1e-6, abs=scale)
    means = [part.mean() for part in parts if part.size]
    sizes = np.diff(cuts)
    np.testing.assert_allclose(
        known.means(cuts)[sizes > 0], means, rtol=1e-9, atol=1e-9 * np.ptp(values)
    )
