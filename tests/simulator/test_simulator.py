"""`simulate`: Alex-8, values against SciPy and exact integers, counters, errors."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from eie_backend import HardwareConfig, encode, simulate
from eie_backend.errors import ConfigError, InputError
from eie_backend.isa.counters import COUNTERS
from eie_backend.machine.formats import FLOAT, LayerFormat

TWO_PES = HardwareConfig(num_pe=2)
seeds = st.integers(0, 2**32 - 1)


def encoded_alex8(alex8, config):
    return encode(alex8["codes"], alex8["codebook"], config, alex8["bias_codes"])


def random_layer(rng):
    config = HardwareConfig(
        num_pe=int(rng.integers(1, 20)),
        fifo_depth=int(rng.integers(2, 9)),
        spmat_width_bits=8 * int(rng.integers(1, 17)),
        accumulator_bits=int(rng.choice([16, 32])),
    )
    rows, cols = rng.integers(1, 100, 2)
    codes = rng.integers(0, 16, (rows, cols + 1)) * (rng.random((rows, cols + 1)) < 0.3)
    codebook = np.append(0, rng.normal(size=15) * 10.0 ** rng.integers(-4, 3)).astype(np.float32)
    bias = codes[:, -1] if rng.random() < 0.5 else None
    activations = rng.normal(size=cols) * (rng.random(cols) < 0.5)
    encoded = encode(codes[:, :-1], codebook, config, bias)
    return config, encoded, activations.astype(np.float32)


def dense(encoded, activations):
    """Weights and input vector, the bias column and its constant 1 included."""
    one = [1] if encoded.has_bias_column else []
    return encoded.codebook[encoded.codes()], np.append(activations, one)


def test_alex8_equals_the_authors_simulator(alex8):
    config = HardwareConfig(num_pe=64, fifo_depth=8, spmat_width_bits=64)
    run = simulate(encoded_alex8(alex8, config), alex8["activations"], config, "float32")
    assert run.cycles == 7926
    assert run.counters["ptr_reads"] == 112640
    assert run.counters["spmat_reads"] == 100900
    assert run.counters["entries"] == 453748
    assert run.output.tobytes() == alex8["output_float32"].tobytes()


def test_alex8_takes_the_papers_time(alex8):
    config = HardwareConfig()
    run = simulate(encoded_alex8(alex8, config), alex8["activations"], config, "float32")
    assert run.microseconds == 7926 / 800
    assert run.microseconds == pytest.approx(9.9, abs=0.05)  # EIE paper, Table IV
    assert run.load_balance == 453748 / (64 * 7926)


@pytest.mark.parametrize(("accumulator_bits", "error"), [(16, 2e-3), (32, 3e-4)])
def test_alex8_in_int16_is_close_to_float32_and_as_fast(alex8, accumulator_bits, error):
    config = HardwareConfig(accumulator_bits=accumulator_bits)
    run = simulate(encoded_alex8(alex8, config), alex8["activations"], config)
    exact = alex8["output_float32"]
    assert run.cycles == 7926
    assert run.counters["accumulator_saturations"] == 0
    assert np.abs(run.output - exact).max() < error * np.abs(exact).max()
    assert run.output.argmax() == exact.argmax()


@given(seed=seeds)
def test_float32_equals_the_sparse_product_of_scipy(seed):
    config, encoded, activations = random_layer(np.random.default_rng(seed))
    weights, vector = dense(encoded, activations)
    expected = csr_array(weights.astype(np.float64)) @ vector
    run = simulate(encoded, activations, config, "float32")
    assert run.output.dtype == np.float32
    tolerance = (vector.size + 1) * 2.0**-24 * (np.abs(weights) @ np.abs(vector))
    assert (np.abs(run.output - expected) <= tolerance).all()
    assert run.format == FLOAT


@given(seed=seeds)
def test_float32_rounds_each_product_and_sum_in_column_order(seed):
    config, encoded, activations = random_layer(np.random.default_rng(seed))
    weights, vector = dense(encoded, activations)
    total = np.zeros(encoded.rows, np.float32)
    for column, value in enumerate(vector.astype(np.float32)):
        total += weights[:, column] * value
    assert simulate(encoded, activations, config, "float32").output.tolist() == total.tolist()


@given(seed=seeds)
def test_int16_is_within_the_rounding_of_its_format(seed):
    """Half a unit for every weight, activation and shifted product."""
    config, encoded, activations = random_layer(np.random.default_rng(seed))
    weights, vector = (a.astype(np.float64) for a in dense(encoded, activations))
    run = simulate(encoded, activations, config)
    assume(not run.counters["accumulator_saturations"])
    half_w, half_x, half_y = (
        2.0 ** -(bits + 1)
        for bits in (run.format.weights, run.format.input, run.format.accumulator)
    )
    used = (weights != 0) & (vector != 0)
    per_product = (
        half_w * np.abs(vector) + half_x * np.abs(weights) + half_w * half_x + half_y
    ) * used
    assert (np.abs(run.output - weights @ vector) <= per_product.sum(1) * (1 + 1e-6)).all()


@given(seed=seeds, shift=st.integers(0, 12))
def test_int16_equals_exact_integers_with_saturation(seed, shift):
    config, encoded, activations = random_layer(np.random.default_rng(seed))
    formats = LayerFormat(input=10, weights=9, accumulator=19 - shift, output=19 - shift)

    def words(values, frac_bits):
        return [min(max(round(float(v) * 2**frac_bits), -(2**15)), 2**15 - 1) for v in values]

    codebook, vector = words(encoded.codebook, 9), words(activations, 10)
    vector += [2**10] if encoded.has_bias_column else []
    limit, saturations = 2 ** (config.accumulator_bits - 1), 0
    sums = [0] * encoded.rows
    for column, value in enumerate(vector):
        for row, code in enumerate(encoded.codes()[:, column].tolist()):
            if code and value:
                exact = sums[row] + round_half_even(codebook[code] * value, shift)
                sums[row] = min(max(exact, -limit), limit - 1)
                saturations += exact != sums[row]
    run = simulate(encoded, activations, config, format=formats)
    assert (run.output * 2.0**formats.accumulator).tolist() == np.float32(sums).tolist()
    assert run.counters["accumulator_saturations"] == saturations


def round_half_even(value, shift):
    whole, rest = divmod(value, 1 << shift)
    return whole + (2 * rest > 1 << shift or (2 * rest == 1 << shift and whole % 2))


@given(seed=seeds)
def test_counters_are_the_events_of_the_active_columns(seed):
    config, encoded, activations = random_layer(np.random.default_rng(seed))
    run = simulate(encoded, activations, config, "float32")
    active = np.flatnonzero(np.append(activations, [1] * encoded.has_bias_column))
    entries = [
        e
        for pe, start in enumerate(np.cumsum(encoded.entries_per_pe) - encoded.entries_per_pe)
        for j in active
        for e in encoded.entries[start:][encoded.pointers[pe, j] : encoded.pointers[pe, j + 1]]
    ]
    assert run.counters["broadcasts"] == active.size
    assert run.counters["ptr_reads"] == active.size * config.num_pe
    assert run.counters["entries"] == len(entries)
    assert run.counters["padding_entries"] == sum(e & 15 == 0 for e in entries)
    assert len(entries) / config.entries_per_word <= run.counters["spmat_reads"] <= len(entries)
    assert [*run.counters] == [counter.name for counter in COUNTERS]


def test_timing_is_the_same_in_both_arithmetics():
    config, encoded, activations = random_layer(np.random.default_rng(4))
    runs = [simulate(encoded, activations, config, a) for a in ("float32", "int16")]
    assert runs[0].cycles == runs[1].cycles


def test_a_layer_larger_than_the_machine_is_one_scan():
    small = HardwareConfig(num_pe=1, act_registers=1, spmat_sram_bytes=64, ptr_sram_bytes=4)
    run = simulate(encode(np.ones((90, 90), int), [0, 1], small), np.ones(90), small, "float32")
    assert run.output.tolist() == [90] * 90
    assert run.counters["entries"] == 8100


def test_zeros_give_zeros():
    run = simulate(encode([[0, 1]], [0, 0], TWO_PES), [0, 0], TWO_PES)
    assert run.output.tolist() == [0]
    assert run.counters["broadcasts"] == 0


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        ([1, 2, 3], "activations have shape (3,); it must be (2,)"),
        ([[1, 2]], "activations have shape (1, 2); it must be (2,)"),
        ([np.nan, np.inf], "activations: 2 of 2 are NaN or infinite; correct the data"),
        ([0, -np.inf], "activations: 1 of 2 are NaN or infinite; correct the data"),
    ],
)
def test_activations_that_do_not_fit(activations, message):
    with pytest.raises(InputError) as error:
        simulate(encode([[1, 1]], [0, 1], TWO_PES), activations, TWO_PES)
    assert str(error.value) == message


def test_int16_has_no_word_for_the_one_of_a_bias_column_beside_large_activations():
    encoded = encode([[1], [2]], [0, 1, 2], TWO_PES, [1, 0])
    wide = HardwareConfig(num_pe=2, accumulator_bits=32)
    assert simulate(encoded, [32767], wide).output.tolist() == [32768, 65534]
    assert simulate(encoded, [32768], TWO_PES, "float32").output.tolist() == [32769, 65536]
    with pytest.raises(InputError) as error:
        simulate(encoded, [32768], TWO_PES)
    assert str(error.value) == (
        "activations reach 32768.0; beside a bias column, fed by a constant 1, int16 holds at "
        "most 32767; scale the activations down or take float32"
    )


def test_sums_past_float32_have_no_int16_scale():
    with pytest.raises(InputError) as error:
        simulate(encode([[1, 0], [0, 1]], [0, 10], TWO_PES), [3e38, 1], TWO_PES)
    assert str(error.value) == (
        "sums: 1 of 2 are NaN or infinite in float32, so int16 has no scale; "
        "scale the activations or weights down"
    )


@pytest.mark.parametrize("other", [{"num_pe": 4}, {"num_pe": 2, "codebook_bits": 5}])
def test_a_matrix_for_another_machine(other):
    config = HardwareConfig(**other)
    with pytest.raises(ConfigError) as error:
        simulate(encode([[1]], [0, 1], TWO_PES), [1], config)
    assert str(error.value) == (
        "matrix encoded for 2 PEs and 4 codebook bits, config has "
        f"{config.num_pe} and {config.codebook_bits}; encode it again"
    )


def test_a_run_that_let_its_scan_go_has_no_account():
    run = replace(simulate(encode([[1]], [0, 1], TWO_PES), [1], TWO_PES), scan=None)
    with pytest.raises(ConfigError) as error:
        _ = run.breakdown
    assert str(error.value) == "this run let go of what it scanned; call simulate again"


def test_an_unknown_arithmetic():
    with pytest.raises(ConfigError) as error:
        simulate(encode([[1]], [0, 1], TWO_PES), [1], TWO_PES, "int4")
    assert (
        str(error.value)
        == "arithmetic 'int4' is unknown; choose one of float32, int16, int8, int32"
    )
