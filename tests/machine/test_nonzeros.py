"""`NonZeros`: what is found in blocks is what NumPy finds in the whole, and can be written back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eie_backend.machine import nonzeros as module
from eie_backend.machine.nonzeros import in_threads, map_columns, nonzeros

matrices = hnp.arrays(
    st.sampled_from([np.float32, np.uint8, np.int64]),
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.integers(0, 3),
)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 16)


@given(matrix=matrices, order=st.sampled_from("CF"), at_least=st.sampled_from([0.0, 1.0, 2.0]))
def test_positions_count_down_the_columns(matrix, order, at_least):
    found = nonzeros(np.asarray(matrix, order=order), at_least)
    flat = matrix.T.ravel()
    expected = np.flatnonzero((flat != 0) & (np.abs(flat) >= at_least))
    assert found.positions.tolist() == expected.tolist()
    assert found.values.tolist() == flat[expected].tolist()
    assert (found.shape, found.values.dtype) == (matrix.shape, matrix.dtype)
    assert found.positions.dtype == np.int32


@given(matrix=matrices)
def test_what_is_written_is_what_was_found(matrix):
    back = np.full(matrix.shape[::-1], 9, matrix.dtype).T
    nonzeros(matrix).write(back)
    assert back.tolist() == matrix.tolist()


def test_a_matrix_that_would_be_copied_is_not_written():
    with pytest.raises(ValueError, match="copy"):
        nonzeros(np.eye(3)).write(np.zeros((3, 3)))


def test_a_negative_zero_is_a_zero_and_magnitudes_count():
    assert nonzeros(np.array([[-0.0, -3.0, 2.0]]), at_least=2.5).values.tolist() == [-3]
    assert nonzeros(np.array([[-0.0, 1.0]])).values.tolist() == [1]


@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_are_whole_columns_in_order(order):
    matrix = np.asarray(np.arange(60).reshape(3, 20), order=order)
    blocks = map_columns(
        lambda start, columns: (start, columns.flags.c_contiguous, columns), matrix
    )
    assert [start for start, _, _ in blocks] == [0, 5, 10, 15]
    assert all(contiguous for _, contiguous, _ in blocks)
    assert np.concatenate([columns for _, _, columns in blocks]).tolist() == matrix.T.tolist()


def test_an_error_in_a_thread_is_raised():
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda n: 1 // n, [1, 0])
