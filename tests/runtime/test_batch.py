"""Batches: each input's result is its own, whoever computes it, with and without values."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eie_backend import HardwareConfig, encode, simulate, simulate_batch
from eie_backend.errors import ConfigError, InputError
from eie_backend.machine.formats import LayerFormat
from eie_backend.machine.timing import FIRST_POP_EDGES, PIPELINE_EDGES

TWO_PES = HardwareConfig(num_pe=2)
ARITHMETICS = ["float32", "int16"]
seeds = st.integers(0, 2**32 - 1)


def random_batch(rng, batch=9):
    config = HardwareConfig(
        num_pe=int(rng.integers(1, 40)),
        fifo_depth=int(rng.choice([2, 3, 8, 64])),
        spmat_width_bits=8 * int(rng.integers(1, 65)),
        codebook_bits=int(rng.integers(2, 8)),
    )
    rows, cols = rng.integers(1, 90, 2)
    density = rng.choice([0.01, 0.1, 0.5, 1.0])
    size = config.codebook_entries
    codes = rng.integers(1, size, (rows, cols + 1)) * (rng.random((rows, cols + 1)) < density)
    codebook = np.append(0, rng.normal(size=size - 1)).astype(np.float32)
    bias = codes[:, -1] if rng.random() < 0.5 else None
    x = rng.normal(size=(batch, cols)) * (rng.random((batch, cols)) < 0.5)
    return config, encode(codes[:, :-1], codebook, config, bias), x.astype(np.float32)


def same(left, right):
    return (
        left.output.tobytes() == right.output.tobytes()
        and left.counters == right.counters
        and left.format == right.format
    )


@settings(deadline=None)
@given(seed=seeds, arithmetic=st.sampled_from(ARITHMETICS), threads=st.integers(1, 4))
def test_a_batch_equals_single_calls_with_any_number_of_threads(seed, arithmetic, threads):
    config, encoded, x = random_batch(np.random.default_rng(seed))
    runs = simulate_batch(encoded, x, config, arithmetic, threads=threads)
    assert len(runs) == len(x)
    for run, vector in zip(runs, x, strict=True):
        assert same(run, simulate(encoded, vector, config, arithmetic))


@settings(deadline=None)
@given(seed=seeds, arithmetic=st.sampled_from(ARITHMETICS))
def test_without_values_the_counters_are_the_same(seed, arithmetic):
    config, encoded, x = random_batch(np.random.default_rng(seed))
    for run, full in zip(
        simulate_batch(encoded, x, config, arithmetic, values=False),
        simulate_batch(encoded, x, config, arithmetic),
        strict=True,
    ):
        assert run.output is None
        expected = {k: v for k, v in full.counters.items() if k != "accumulator_saturations"}
        assert run.counters == expected
    assert simulate(encoded, x[0], config, arithmetic, values=False).cycles > 0


@settings(deadline=None)
@given(seed=seeds, arithmetic=st.sampled_from(ARITHMETICS), threads=st.integers(2, 4))
def test_threads_that_share_one_input_change_nothing(seed, arithmetic, threads):
    config, encoded, x = random_batch(np.random.default_rng(seed), batch=1)
    alone = simulate(encoded, x[0], config, arithmetic, threads=1)
    assert same(simulate(encoded, x[0], config, arithmetic, threads=threads), alone)


@pytest.mark.parametrize("density", [0.03, 0.5])
@pytest.mark.parametrize("rows", [1, 31, 33, 95, 1000])
def test_halves_of_any_rows(rows, density):
    """Sparse and, above a sixth, dense columns; sums that saturate in one half only."""
    rng = np.random.default_rng(rows)
    config = HardwareConfig(accumulator_bits=16)
    codes = rng.integers(1, 16, (rows, 70)) * (rng.random((rows, 70)) < density)
    codes[rows // 3] = 15
    encoded = encode(codes, np.append(0, np.linspace(-1, 1, 15)), config)
    fixed = LayerFormat(input=8, weights=8, accumulator=12, output=12)
    for arithmetic in ARITHMETICS:
        alone = simulate(encoded, np.ones(70), config, arithmetic, fixed, threads=1)
        assert same(simulate(encoded, np.ones(70), config, arithmetic, fixed, threads=2), alone)
    assert alone.counters["accumulator_saturations"] > 0


def test_the_account_is_that_of_the_input_at_the_call():
    config, encoded, x = random_batch(np.random.default_rng(8))
    expected = [run.breakdown for run in simulate_batch(encoded, x, config, "float32")]
    runs = simulate_batch(encoded, x, config, "float32")
    x[:] = 1
    for run, breakdown in zip(runs, expected, strict=True):
        for name, edges in breakdown.items():
            np.testing.assert_array_equal(run.breakdown[name], edges)


def test_one_format_for_the_whole_batch():
    config, encoded, x = random_batch(np.random.default_rng(3))
    fixed = LayerFormat(input=8, weights=10, accumulator=12, output=12)
    for run, vector in zip(simulate_batch(encoded, x, config, format=fixed), x, strict=True):
        assert run.format == fixed
        assert same(run, simulate(encoded, vector, config, format=fixed))


def test_several_python_threads_call_at_once():
    config, encoded, x = random_batch(np.random.default_rng(4), batch=40)
    expected = simulate_batch(encoded, x, config, threads=1)
    with ThreadPoolExecutor(4) as pool:
        for runs in pool.map(lambda _: simulate_batch(encoded, x, config, threads=2), range(8)):
            assert all(same(a, b) for a, b in zip(runs, expected, strict=True))


def test_a_matrix_does_not_change_once_it_may_be_loaded():
    _, encoded, _ = random_batch(np.random.default_rng(5))
    for array in (encoded.codebook, encoded.pointers, encoded.entries):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_activations_may_be_read_only_and_of_any_layout():
    config, encoded, x = random_batch(np.random.default_rng(6))
    strided = np.asfortranarray(x)
    strided.flags.writeable = False
    for run, vector in zip(
        simulate_batch(encoded, strided, config, "float32"), strided, strict=True
    ):
        assert same(run, simulate(encoded, vector, config, "float32"))


def test_a_slice_longer_than_a_byte_and_words_shared_by_many_columns():
    """The timing's cells are 16 bits wide, then 32; cycles are those of one PE by hand."""
    config = HardwareConfig(num_pe=1, fifo_depth=8)
    for rows in (40, 300, 20_000):
        encoded = encode(np.ones((rows, 3), int), [0, 1], config)
        run = simulate(encoded, [1, 1, 1], config, "float32")
        assert run.cycles == FIRST_POP_EDGES + 3 * rows + PIPELINE_EDGES
        assert run.counters["spmat_reads"] == -(-3 * rows // 8)
        assert run.output.tolist() == [3] * rows
    columns = 70_000
    row = np.zeros((1, columns), int)
    row[0, [0, 1, 300, -1]] = 1
    run = simulate(encode(row, [0, 1], config), np.ones(columns), config, "float32", values=False)
    assert run.counters["spmat_reads"] == 1


def test_no_inputs_give_no_runs():
    encoded = encode([[1, 1]], [0, 1], TWO_PES)
    assert simulate_batch(encoded, np.zeros((0, 2)), TWO_PES) == []


@pytest.mark.parametrize("shape", [(2,), (3, 3), (1, 1, 2)])
def test_activations_that_are_not_a_batch(shape):
    with pytest.raises(InputError) as error:
        simulate_batch(encode([[1, 1]], [0, 1], TWO_PES), np.zeros(shape), TWO_PES)
    assert str(error.value) == f"activations have shape {shape}; it must be (batch, 2)"


def test_threads_that_cannot_be():
    with pytest.raises(ConfigError) as error:
        simulate_batch(encode([[1, 1]], [0, 1], TWO_PES), np.zeros((1, 2)), TWO_PES, threads=0)
    assert str(error.value) == "threads = 0; it must be at least 1, or None for all cores"
