"""Codes and codebook are recovered from weights without loss."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eie_backend.machine.codebook import (
    CHUNK,
    MIN_TABLE,
    bias_codes,
    codebook_of,
    codes_of,
    limits_between,
    nearest,
    nonzero_values,
)


def recover_codes(weights):
    codebook = codebook_of(weights)
    return codes_of(weights, codebook), codebook


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=15)


@given(hnp.arrays(np.float32, shapes, elements=finite))
def test_codes_and_codebook_are_the_weights(weights):
    codes, codebook = recover_codes(weights)
    assert (codes.dtype, codebook.dtype) == (np.uint8, np.float32)
    np.testing.assert_array_equal(codebook[codes], weights)
    assert codebook[0] == 0
    assert np.all(np.diff(codebook[1:]) > 0)
    assert set(codes[codes > 0]) == set(range(1, len(codebook)))


def test_both_zeros_are_pruned():
    codes, codebook = recover_codes(np.array([[0.0, -0.0, 2.0]], np.float32))
    assert codes.tolist() == [[0, 0, 1]]
    assert codebook.tolist() == [0.0, 2.0]


def test_no_weight_is_left():
    codes, codebook = recover_codes(np.zeros((2, 3), np.float32))
    assert not codes.any()
    assert codebook.tolist() == [0.0]


def test_255_values_fit():
    weights = np.arange(-127, 129, dtype=np.float32)[None]
    codes, codebook = recover_codes(weights)
    assert codebook.size == 256
    np.testing.assert_array_equal(codebook[codes], weights)


@given(hnp.arrays(np.float32, shapes, elements=finite))
def test_the_order_in_memory_does_not_matter(weights):
    codebook = codebook_of(weights)
    assert codebook_of(weights.T).tolist() == codebook.tolist()
    np.testing.assert_array_equal(codes_of(weights.T, codebook), codes_of(weights, codebook).T)


def test_values_are_found_in_every_chunk():
    weights = np.zeros((2, CHUNK), np.float32)
    weights[0, 0], weights[1, -1] = 3, -2
    assert nonzero_values(weights).tolist() == [-2, 3]


def test_the_search_for_values_stops_when_there_are_too_many():
    weights = np.zeros(2 * CHUNK, np.float32)
    weights[:3], weights[-1] = [1, 2, 3], 4
    assert nonzero_values(weights, at_most=2).size == 3
    assert nonzero_values(weights, at_most=3).size == 4


def test_a_bias_takes_the_nearest_value():
    codebook = np.array([0, -2, 0.5, 3], np.float32)
    assert bias_codes(np.array([0.4, -9, 9, 0.1], np.float32), codebook).tolist() == [2, 1, 3, 0]


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 255),
    scale=st.sampled_from([1e-40, 1e-6, 1.0, 1e6, 1e30]),
)
def test_the_table_finds_what_the_search_finds(seed, count, scale):
    rng = np.random.default_rng(seed)
    centroids = np.sort(rng.normal(size=count) * scale).astype(np.float32)
    limits = limits_between(centroids)
    near = np.nextafter(np.repeat(limits, 2), np.tile(np.float32([-np.inf, np.inf]), limits.size))
    values = (rng.normal(size=MIN_TABLE) * scale).astype(np.float32)
    values = np.concatenate([values, limits, near, centroids])
    found = nearest(values, centroids)
    few = slice(MIN_TABLE - 100, None)
    assert found[few].tolist() == nearest(values[few], centroids).tolist()
    assert (
        found == np.searchsorted((centroids[1:].astype(float) + centroids[:-1]) / 2, values)
    ).all()
