"""Fixed-point formats: as precise as the calibrated ranges allow, and no saturation on them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tvm import relax

import eie_backend
from eie_backend.compiler import prepare
from eie_backend.compiler.stages import eie_programs
from eie_backend.config import HardwareConfig
from eie_backend.epilogues import BY_NAME
from eie_backend.isa.interpreter import interpret
from eie_backend.machine.epilogue import Applied
from eie_backend.machine.formats import (
    MAX_LEFT_SHIFT,
    MAX_RIGHT_SHIFT,
    LayerRange,
    RangedLayer,
    accumulator_frac_bits,
    layer_formats,
)
from eie_backend.machine.target import as_target

RELU, CLIP = Applied(BY_NAME["relu"]), Applied(BY_NAME["clip"], 2.5)
BOOK = np.array([0.0, -0.5, 1.5], np.float32)  # 14 fractional bits
SMALL = np.array([0.0, 0.25], np.float32)  # 16 fractional bits
magnitudes = st.floats(2.0**-40, 2.0**40)


def layer(source=-1, *, book=BOOK, has_bias=True, ending=None, **found):
    """Return a layer with these ranges; by default input 4, partial sums 100, results 50."""
    values = {"input": 4.0, "partial_sum": 100.0, "product": 50.0, "sum": 50.0, "output": 50.0}
    return RangedLayer(LayerRange(**(values | found)), book, source, has_bias, ending)


# Choice


def test_scales_follow_from_ranges_and_codebook():
    (found,) = layer_formats([layer()], 32)
    assert found.input == 12  # 4.0 needs 3 integer bits beside the sign
    assert found.weights == 14
    assert found.accumulator == 24  # 100.0 needs 7 of 32
    assert found.output == 9  # 50.0 needs 6 of 16
    assert (found.product_shift, found.output_shift) == (2, 15)


def test_a_layer_reads_the_scale_that_its_source_writes():
    chain = layer_formats([layer(sum=70.0), layer(0, book=SMALL)], 32)
    assert (chain[0].input, chain[0].output, chain[1].input) == (12, 8, 8)
    branches = layer_formats([layer(), layer(0), layer(0)], 32)
    assert branches[1] == branches[2]


@pytest.mark.parametrize(
    ("bias", "ending", "output"),
    [(False, None, 14), (True, None, 13), (True, RELU, 12), (True, CLIP, 13)],
    ids=["product", "sum", "relu", "clip"],
)
def test_only_what_the_machine_runs_counts(bias, ending, output):
    found = {"product": 1.0, "sum": 2.0, "output": 4.0}
    (ranged,) = layer_formats([layer(has_bias=bias, ending=ending, **found)], 32)
    assert ranged.output == output


def test_the_accumulator_keeps_no_more_bits_than_products_have():
    assert accumulator_frac_bits(2.0**-20, 2.0**-20, 20, 32) == 20


def test_16_bits_trust_in_the_headroom_and_32_hold_every_partial_sum():
    assert accumulator_frac_bits(1000.0, 10.0, 40, 16) == 10  # 20.0 needs 5 integer bits
    assert accumulator_frac_bits(1000.0, 10.0, 40, 32) == 21  # 1000.0 needs 10


def test_an_all_zero_layer_has_a_format():
    nothing = RangedLayer(LayerRange(0, 0, 0, 0, 0), np.zeros(1, np.float32), -1, False, None)
    (found,) = layer_formats([nothing], 16)
    assert found.product_shift >= 0


@given(magnitudes, magnitudes, magnitudes, magnitudes, st.sampled_from([16, 32]))
def test_shifts_stay_within_the_machine(activation, partial, weight, output, bits):
    book = np.array([0, weight], np.float32)
    ranges = {"input": activation, "partial_sum": max(partial, output), "sum": output}
    (found,) = layer_formats([layer(book=book, **ranges)], bits)
    assert 0 <= found.product_shift <= MAX_RIGHT_SHIFT
    assert -MAX_LEFT_SHIFT <= found.output_shift <= MAX_RIGHT_SHIFT


# Saturation


@settings(max_examples=6)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    scale=st.sampled_from([0.01, 1.0, 300.0]),
)
def test_calibration_data_saturates_nothing_in_32_bits(make_mlp, seed, sizes, scale):
    mod = eie_backend.from_onnx(make_mlp(*sizes, batch=8, seed=seed))
    x = np.random.default_rng(seed).normal(scale=scale, size=(8, sizes[0])).astype(np.float32)
    target = as_target(HardwareConfig(num_pe=4, accumulator_bits=32))
    (program,) = eie_programs(prepare(mod, target, calibration=x), target)
    outputs, saturations = interpret(program, x)
    assert saturations == 0
    assert np.isfinite(outputs).all()


def test_a_sum_of_large_opposite_products_does_not_saturate_32_bits():
    weights = np.repeat(np.array([1, -1], np.float32), 2000)[:, None]
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((1, 4000), "float32"))
    with builder.function("main", [x]):
        builder.emit_func_output(builder.emit(relax.op.matmul(x, relax.const(weights))))
    data = np.ones((1, 4000), np.float32)
    data[0, -1] = 0.5
    config = HardwareConfig(accumulator_bits=32)
    report = eie_backend.profile(eie_backend.compile(builder.get(), config, calibration=data), data)
    assert set(report.saturations.values()) == {0}
    assert report.outputs[0].tolist() == [[0.5]]


@pytest.mark.filterwarnings("ignore::eie_backend.errors.SaturationWarning")
@pytest.mark.parametrize("bits", [16, 32])
def test_more_than_calibration_saw_saturates_and_is_counted(make_mlp, bits):
    mod = eie_backend.from_onnx(make_mlp(20, 10, batch=2))
    x = np.random.default_rng(0).normal(size=(2, 20)).astype(np.float32)
    config = HardwareConfig(num_pe=4, accumulator_bits=bits)
    compiled = eie_backend.compile(mod, config, calibration=x)
    report = eie_backend.profile(compiled, 100 * x)
    assert report.saturations["input_saturations"] > 0
    assert report.saturations["output_saturations"] > 0
