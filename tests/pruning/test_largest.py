"""`largest`: exactly the weights of largest magnitude, whatever the sample says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.pruning import largest as module
from eie_backend.pruning.largest import largest


@pytest.fixture(autouse=True)
def small_sample(monkeypatch):
    monkeypatch.setattr(module, "SAMPLE", 16)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    order=st.sampled_from("CF"),
    share=st.floats(0, 1),
    values=st.sampled_from([3, 1000]),
)
def test_the_largest_are_found_and_of_ties_the_earlier(seed, shape, order, share, values):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-values, values + 1, shape).astype(np.float32)
    keep = round(share * weights.size)
    flat = weights.ravel()
    first = np.argsort(-np.abs(flat), kind="stable")[:keep]
    expected = np.zeros_like(flat)
    expected[first] = flat[first]
    kept = np.full(shape[::-1], 9, np.float32).T
    largest(np.asarray(weights, order=order), keep).write(kept)
    assert kept.ravel().tolist() == expected.tolist()


@pytest.mark.parametrize("keep", [1, 10, 100, 5000])
def test_a_sample_that_is_not_like_the_rest_only_takes_longer(keep):
    """Every weight that is sampled is small."""
    weights = np.random.default_rng(0).normal(size=(100, 100)).astype(np.float32)
    weights.reshape(-1)[:: weights.size // module.SAMPLE | 1] = 1e-9
    kept = np.abs(largest(weights, keep).values)
    assert np.sort(kept).tolist() == np.sort(np.abs(weights).ravel())[-keep:].tolist()
