"""Relative indices: any tensor comes back, at any width and in both orders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eie_backend.errors import ContainerError
from eie_backend.storage.relative_index import Entries, from_entries, gaps, to_entries

sparse = hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=40),
    elements=st.integers(0, 255),
    fill=st.just(0),
)
widths = st.integers(0, 16)


def decoded_one_by_one(entries, size):
    """Return what the entries say, from their definition."""
    flat = []
    for code, run in zip(entries.codes.tolist(), entries.runs.tolist(), strict=True):
        flat += [0] * run + [code]
    return flat + [0] * (size - len(flat))


@given(sparse, widths, st.booleans())
def test_round_trip(codes, index_bits, column_major):
    entries = to_entries(codes, index_bits, column_major)
    assert entries.runs.max(initial=0) < 1 << index_bits
    assert decoded_one_by_one(entries, codes.size) == codes.ravel("CF"[column_major]).tolist()
    np.testing.assert_array_equal(from_entries(entries, codes.shape), codes)


@given(sparse, st.integers(1, 16))
def test_fillers_have_the_longest_run(codes, index_bits):
    entries = to_entries(codes, index_bits)
    assert (entries.runs[entries.codes == 0] == (1 << index_bits) - 1).all()
    assert np.count_nonzero(entries.codes) == np.count_nonzero(codes)


@pytest.mark.parametrize("index_bits", [1, 4, 5, 8, 16])
def test_a_gap_at_the_limit_and_one_beyond(index_bits):
    for zeros, entries in (((1 << index_bits) - 1, 1), (1 << index_bits, 2)):
        codes = np.zeros(zeros + 1, np.uint8)
        codes[-1] = 1
        assert to_entries(codes, index_bits).codes.size == entries


def test_paper_figure_2():
    """Deep Compression, figure 2: indices 1, 4, 15 by differences of 3 bits, 1, 3, 8, 3.

    A difference of 8 with nothing there is the filler; a run is a difference less 1, and the
    paper's first index counts from 0.
    """
    codes = np.zeros(16, np.uint8)
    codes[[1, 4, 15]] = 1, 2, 3
    entries = to_entries(codes, 3)
    assert entries.codes.tolist() == [1, 2, 0, 3]
    assert (entries.runs + 1).tolist() == [2, 3, 8, 3]


def test_zero_bits_are_the_tensor_itself():
    codes = np.array([3, 0, 0, 2, 0], np.uint8)
    assert to_entries(codes, 0).codes.tolist() == [3, 0, 0, 2]


@given(sparse)
def test_gaps_are_the_zeros_before_each_code(codes):
    assert gaps(codes).sum() + np.count_nonzero(codes) == (
        np.flatnonzero(codes)[-1] + 1 if codes.any() else 0
    )


def test_entries_beyond_the_tensor_are_refused():
    entries = Entries(np.array([1], np.uint8), np.array([4], np.uint16), 4, False)
    with pytest.raises(ContainerError, match="weight 4 of a tensor of 4 weights"):
        from_entries(entries, (2, 2))
