"""The reference interpreter: each instruction by hand, a layer against exact integers."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend import HardwareConfig, encode
from eie_backend.epilogues import BY_NAME
from eie_backend.errors import ImageError
from eie_backend.isa.interpreter import interpret
from eie_backend.isa.program import Program, Step

CONFIG = HardwareConfig(num_pe=2, accumulator_bits=16)
LOW, HIGH = -(2**15), 2**15 - 1


def run(steps, sample=(), outputs=4, arithmetic="int16", config=CONFIG, **contents):
    """Execute (name, operands) pairs on one sample; return the output and saturations."""
    program = Program(
        symbol="f",
        config=config,
        arithmetic=arithmetic,
        inputs=len(sample),
        outputs=outputs,
        layers=("fc1",),
        matrices=tuple(contents.get("matrices", ())),
        biases=tuple(contents.get("biases", ())),
        setup=tuple(Step("load_matrix", {"matrix": i}, 0) for i in contents.get("loaded", ())),
        steps=tuple(Step(name, operands, 0) for name, operands in steps),
    )
    (values,), saturations = interpret(program, [sample])
    return values.tolist(), saturations


def load(count, frac_bits=0, src=0, dst_row=0):
    operands = {"src": src, "dst_row": dst_row, "count": count, "frac_bits": frac_bits}
    return "load_act", operands


def store(count, frac_bits=0, src_row=0, dst=0):
    operands = {"src_row": src_row, "dst": dst, "count": count, "frac_bits": frac_bits}
    return "store_act", operands


def write(count, epilogue="none", parameter=0, shift=0, dst_row=0):
    ending = {"epilogue": BY_NAME[epilogue].number, "parameter": parameter}
    return "write_back", {"dst_row": dst_row, "count": count, **ending, "shift": shift}


def mvm(shift=0, frac_bits=0, src_row=0, matrix=0):
    operands = {"matrix": matrix, "src_row": src_row, "shift": shift, "frac_bits": frac_bits}
    return "mvm", operands


def words(*values):
    return np.array(values, np.int32)


def matrix_of(weights, config=CONFIG, bias=None):
    """Encode integer weights, each its own codebook entry."""
    values = [0, *sorted({w for row in weights for w in row} | {*(bias or ())} - {0})]
    values = list(dict.fromkeys(values))
    codes = [[values.index(w) for w in row] for row in weights]
    bias_codes = None if bias is None else [values.index(w) for w in bias]
    encoded = encode(codes, np.zeros(len(values)), config, bias_codes)
    codebook = np.zeros(config.codebook_entries, np.int32)
    codebook[: len(values)] = values
    return replace(encoded, codebook=codebook)


def test_load_act_rounds_ties_to_even():
    sample = [0.25, 0.75, -0.25, -0.75]
    assert run([load(4, 1), store(4)], sample) == ([0, 2, 0, -2], 0)


def test_load_act_saturates_and_counts():
    sample = [32767.4, 32767.6, -32768.4, -32768.6]
    assert run([load(4), store(4)], sample) == ([HIGH, HIGH, LOW, LOW], 2)
    sample = [np.inf, -np.inf, np.nan, 3e38]
    assert run([load(4), store(4)], sample) == ([HIGH, LOW, 0, HIGH], 4)


def test_load_act_and_store_act_move_parts():
    steps = [load(2, src=1, dst_row=3), store(2, src_row=3, dst=2)]
    assert run(steps, [7, 8, 9]) == ([0, 0, 8, 9], 0)


def test_store_act_scales_back():
    assert run([load(2, 3), store(2, 3)], [1.125, -2], 2) == ([1.125, -2], 0)
    assert run([load(1, 3), store(1, 4)], [1.125], 1) == ([0.5625], 0)


def test_float32_passes_unchanged():
    sample = [0.1, np.inf, -0.0, 3e38]
    expected = np.float32(sample).tolist()
    assert run([load(4, 9), store(4, 9)], sample, arithmetic="float32") == (expected, 0)


def test_load_bias_clears_the_registers_past_it():
    steps = [("load_bias", {"bias": 0}), ("load_bias", {"bias": 1}), write(4), store(4)]
    assert run(steps, biases=[words(1, 2, 3, 4), words(5, 6)]) == ([5, 6, 0, 0], 0)


def test_clear_zeroes_every_register():
    steps = [("load_bias", {"bias": 0}), ("clear", {}), write(4), store(4)]
    assert run(steps, biases=[words(1, 2, 3, 4)]) == ([0] * 4, 0)


def test_write_back_rounds_after_relu_and_saturates():
    bias = [words(-6, 6, 7, 10)]
    start = ("load_bias", {"bias": 0})
    assert run([start, write(4, shift=2), store(4)], biases=bias) == ([-2, 2, 2, 2], 0)
    assert run([start, write(4, "relu", shift=2), store(4)], biases=bias) == ([0, 2, 2, 2], 0)
    wide = [words(-(2**31), 2**31 - 1, 2**15, -(2**15))]
    assert run([start, write(4), store(4)], biases=wide) == ([LOW, HIGH, HIGH, LOW], 3)


@pytest.mark.parametrize("shift", [-1, -17, -40])
def test_write_back_shifts_left_without_wrapping(shift):
    steps = [("load_bias", {"bias": 0}), write(4, shift=shift), store(4)]
    bias = words(2**30, -(2**24), 2**24, 0)
    exact = [int(b) << -shift for b in bias]
    expected = [min(max(e, LOW), HIGH) for e in exact]
    assert run(steps, biases=[bias]) == (expected, 3)


def test_mvm_adds_to_the_registers():
    steps = [("load_bias", {"bias": 0}), load(3), mvm(), mvm(), write(2), store(2)]
    matrix = matrix_of([[1, 0, 3], [0, 5, 0]])
    contents = {"matrices": [matrix], "loaded": [0], "biases": [words(100, 200)]}
    assert run(steps, [1, 2, 4], 2, **contents) == ([100 + 2 * 13, 200 + 2 * 10], 0)


def test_mvm_reads_from_its_source_row():
    steps = [load(4), mvm(src_row=1), write(1), store(1)]
    contents = {"matrices": [matrix_of([[1, 10]])], "loaded": [0]}
    assert run(steps, [1, 2, 3, 4], 1, **contents) == ([43], 0)


def test_mvm_rounds_every_product_to_even():
    contents = {"matrices": [matrix_of([[1, 2, 3, 5]])], "loaded": [0]}
    steps = [load(4), mvm(shift=1), write(1), store(1)]
    assert run(steps, [1, 1, 1, 1], 1, **contents) == ([0 + 1 + 2 + 2], 0)


def test_mvm_saturates_every_sum_in_column_order():
    for order, expected in [((30000, 30000, -30000), 2767), ((30000, -30000, 30000), 30000)]:
        contents = {"matrices": [matrix_of([order])], "loaded": [0]}
        saturations = int(expected == 2767)
        steps = [load(3), mvm(), write(1), store(1)]
        assert run(steps, [1, 1, 1], 1, **contents) == ([expected], saturations)


@pytest.mark.parametrize(("bits", "expected"), [(16, HIGH - 30000), (32, 30000)])
def test_wide_accumulators_hold_the_sum(bits, expected):
    config = HardwareConfig(num_pe=2, accumulator_bits=bits)
    contents = {"matrices": [matrix_of([[30000, 30000, -30000]], config)], "loaded": [0]}
    steps = [load(3), mvm(), write(1), store(1)]
    assert run(steps, [1, 1, 1], 1, config=config, **contents)[0] == [expected]


def test_the_bias_column_is_fed_by_one_at_its_scale():
    contents = {"matrices": [matrix_of([[1], [2]], bias=(3, 0))], "loaded": [0]}
    steps = [load(1, 4), mvm(frac_bits=4), write(2), store(2, 4)]
    assert run(steps, [2.5], 2, **contents) == ([2.5 + 3, 5], 0)


def test_a_bias_column_counts_without_inputs():
    contents = {"matrices": [matrix_of([[1]], bias=(3,))], "loaded": [0]}
    assert run([mvm(), write(1), store(1)], [], 1, **contents) == ([3], 0)


def test_mvm_needs_its_matrix():
    with pytest.raises(ImageError, match="mvm of fc1: mvm before load_matrix of matrix 0"):
        run([mvm()], matrices=[matrix_of([[1]])])


def test_samples_are_independent():
    matrix = matrix_of([[1]])
    steps = (mvm(), write(1), store(1))
    program = Program(
        symbol="f",
        config=CONFIG,
        arithmetic="int16",
        inputs=1,
        outputs=1,
        layers=("fc1",),
        matrices=(matrix,),
        biases=(),
        setup=(Step("load_matrix", {"matrix": 0}, 0),),
        steps=tuple(Step(name, operands, 0) for name, operands in (load(1), *steps)),
    )
    outputs, _ = interpret(program, [[1], [2], [3]])
    assert outputs.dtype == np.float32
    assert outputs.tolist() == [[1], [2], [3]]
    nothing, saturations = interpret(program, np.zeros((0, 1)))
    assert (nothing.shape, saturations) == ((0, 1), 0)


@given(
    seed=st.integers(0, 2**32 - 1),
    product_shift=st.integers(-40, 62),
    output_shift=st.integers(-40, 62),
    bits=st.sampled_from([16, 32]),
    epilogue=st.sampled_from(sorted(BY_NAME)),
    parameter=st.integers(0, 1 << 15),
)
def test_a_layer_equals_exact_integers(
    seed, product_shift, output_shift, bits, epilogue, parameter
):
    rng = np.random.default_rng(seed)
    rows, cols = rng.integers(1, 7, 2).tolist()
    config = HardwareConfig(num_pe=3, accumulator_bits=bits)
    codebook = [0, *(int(w) >> int(rng.integers(16)) for w in rng.integers(LOW, HIGH, 15))]
    codes = rng.integers(0, 16, (rows, cols))
    matrix = replace(encode(codes, np.zeros(16), config), codebook=words(*codebook))
    sample = (rng.integers(LOW, HIGH, cols) >> rng.integers(0, 16, cols)).tolist()
    bias = (rng.integers(-(2**31), 2**31, rows) >> (32 - bits)).tolist()
    saturations = 0

    def saturate(value, width):
        nonlocal saturations
        bounded = min(max(value, -(2 ** (width - 1))), 2 ** (width - 1) - 1)
        saturations += bounded != value
        return bounded

    def shifted(value, shift):
        return round(value * Fraction(2) ** -shift)

    expected = []
    for row in range(rows):
        total = bias[row]
        for column in range(cols):
            product = codebook[codes[row, column]] * sample[column]
            if codes[row, column] and sample[column]:
                total = saturate(total + shifted(product, product_shift), bits)
        if epilogue == "leaky_relu" and total < 0:
            total = round(Fraction(total * parameter, 1 << 15))
        if epilogue in ("relu", "clip"):
            total = max(total, 0)
        if epilogue == "clip":
            total = min(total, parameter)
        expected.append(saturate(shifted(total, output_shift), 16))
    steps = [
        load(cols),
        ("load_bias", {"bias": 0}),
        mvm(product_shift),
        write(rows, epilogue, parameter if BY_NAME[epilogue].parameter else 0, output_shift, 10),
        store(rows, src_row=10),
    ]
    contents = {"matrices": [matrix], "loaded": [0], "biases": [words(*bias)]}
    assert run(steps, sample, rows, config=config, **contents) == (expected, saturations)
