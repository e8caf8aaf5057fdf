"""Every arithmetic against a model of its own, written from the words of the microarchitecture.

"Rounded to float32 after the product and after the sum, in column order"; "rounds to nearest even,
saturates and counts every saturation". The model knows Python integers, fractions and NumPy only.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import tvm_ffi
from hypothesis import given, settings
from hypothesis import strategies as st

import eie_backend as eie
from eie_backend import HardwareConfig, encode, simulate
from eie_backend.epilogues import BY_NUMBER, EPILOGUES
from eie_backend.isa.counters import COUNTERS
from eie_backend.isa.image import decode_image, encode_image
from eie_backend.isa.interpreter import interpret
from eie_backend.isa.program import Program, Step
from eie_backend.machine.choices import ARITHMETIC
from eie_backend.machine.formats import LayerFormat
from eie_backend.runtime import runtime

VALUE_BITS = {"int8": 8, "int16": 16, "int32": 32}
ARITHMETICS = ["float32", *VALUE_BITS]
SATURATIONS = [c.name for c in COUNTERS if c.name.endswith("saturations")]


# The model


class Fixed:
    """Fixed point: exact numbers, rounded to even, clamped, every clamp counted."""

    def __init__(self, value_bits, accumulator_bits):
        self.value_bits, self.accumulator_bits, self.saturations = value_bits, accumulator_bits, 0

    def clamp(self, exact, bits):
        held = min(max(exact, -(2 ** (bits - 1))), 2 ** (bits - 1) - 1)
        self.saturations += held != exact
        return held

    def load(self, x, frac_bits):
        if np.isnan(x):
            self.saturations += 1
            return 0
        if np.isinf(x):
            return self.clamp(2**200 if x > 0 else -(2**200), self.value_bits)
        return self.clamp(round(Fraction(float(x)) * Fraction(2) ** frac_bits), self.value_bits)

    def add(self, total, weight, x, shift):
        product = round(Fraction(weight * x) / Fraction(2) ** shift)
        return self.clamp(total + product, self.accumulator_bits)

    def write(self, total, epilogue, parameter, shift):
        if epilogue == "leaky_relu" and total < 0:
            total = round(Fraction(total * parameter, 2**15))
        if epilogue in ("relu", "clip"):
            total = max(total, 0)
        if epilogue == "clip":
            total = min(total, parameter)
        return self.clamp(round(Fraction(total) / Fraction(2) ** shift), self.value_bits)

    def store(self, value, frac_bits):
        return np.float32(value * 2.0**-frac_bits)


class Float:
    """float32: two roundings per weight, scales do not matter."""

    saturations = 0

    def load(self, x, frac_bits):
        return x

    def add(self, total, weight, x, shift):
        return np.float32(total + np.float32(weight * x))

    def write(self, total, epilogue, parameter, shift):
        number = np.array(parameter, np.uint32).view(np.float32)[()]
        if epilogue == "leaky_relu":
            return np.float32(number * total) if total < 0 else total
        if epilogue == "none":
            return total
        # Comparisons with a NaN are false.
        if total <= 0:
            return np.float32(0)
        return number if epilogue == "clip" and total > number else total

    def store(self, value, frac_bits):
        return value


def model_of(arithmetic, accumulator_bits):
    if arithmetic == "float32":
        return Float()
    return Fixed(VALUE_BITS[arithmetic], accumulator_bits)


def run_model(model, codes, codebook, bias, sample, operands):
    """One layer; code 0 is no weight, another may well stand for the weight 0."""
    x = [model.load(value, operands["input_frac"]) for value in sample]
    sums = list(bias)
    for column, value in enumerate(x):
        for row in np.flatnonzero(codes[:, column]) if value else ():
            weight = codebook[codes[row, column]]
            sums[row] = model.add(sums[row], weight, value, operands["shift"])
    ending = BY_NUMBER[operands["epilogue"]].name, operands["parameter"]
    results = [model.write(total, *ending, operands["output_shift"]) for total in sums]
    return np.array([model.store(value, operands["output_frac"]) for value in results], np.float32)


# The machine


@st.composite
def layers(draw, arithmetic, accumulator_bits):
    """One layer as a program with its samples; extremes of every width are likely."""
    config = HardwareConfig(num_pe=3, codebook_bits=3, accumulator_bits=accumulator_bits)
    rows, cols = draw(st.integers(1, 7)), draw(st.integers(1, 6))
    codes = draw(st.lists(st.integers(0, 7), min_size=rows * cols, max_size=rows * cols))
    if arithmetic == "float32":
        numbers = st.floats(width=32, allow_nan=False, min_value=-(2.0**60), max_value=2.0**60)
        book = np.array([0, *draw(st.lists(numbers, min_size=7, max_size=7))], np.float32)
        bias = np.array(draw(st.lists(numbers, min_size=rows, max_size=rows)), np.float32)
        samples = st.lists(numbers, min_size=cols, max_size=cols)
    else:
        book = np.array([0, *draw(words(VALUE_BITS[arithmetic], 7))], np.int32)
        bias = np.array(draw(words(accumulator_bits, rows)), np.int32)
        samples = st.lists(st.floats(width=32), min_size=cols, max_size=cols)
    matrix = encode(np.reshape(codes, (rows, cols)), np.arange(8), config)
    operands = {
        "input_frac": draw(st.integers(-64, 64) | st.integers(0, 30)),
        "shift": draw(st.sampled_from([-40, 0, 62]) | st.integers(-8, 40)),
        **draw(endings(arithmetic)),
        "output_shift": draw(st.sampled_from([-40, 0, 62]) | st.integers(-8, 30)),
        "output_frac": draw(st.integers(-20, 40)),
    }
    inputs = np.array([draw(samples) for _ in range(2)], np.float32)
    program = Program(
        symbol="f",
        config=config,
        arithmetic=arithmetic,
        inputs=cols,
        outputs=rows,
        layers=("a",),
        matrices=(replace(matrix, codebook=book),),
        biases=(bias,),
        setup=(Step("load_matrix", {"matrix": 0}, 0),),
        steps=steps(rows, cols, operands),
    )
    return program, operands, inputs


@st.composite
def endings(draw, arithmetic):
    """Return operands of an epilogue; its parameter's extremes are likely."""
    epilogue = draw(st.sampled_from(EPILOGUES))
    highest = epilogue.highest_words[arithmetic == "float32"]
    likely = [0, highest, min(highest, 1 << 14), min(highest, 12345)]
    parameter = draw(st.sampled_from(likely) | st.integers(0, highest))
    return {"epilogue": epilogue.number, "parameter": parameter}


def words(bits, count):
    """Return lists of signed words, the extremes and small numbers among them."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    word = st.sampled_from([low, low + 1, -1, 0, 1, high]) | st.integers(low, high)
    return st.lists(word, min_size=count, max_size=count)


def steps(rows, cols, operands):
    frac, out = operands["input_frac"], operands["output_frac"]
    ending = {name: operands[name] for name in ("epilogue", "parameter")}
    write = {"dst_row": 2, "count": rows, **ending, "shift": operands["output_shift"]}
    mvm = {"matrix": 0, "src_row": 0, "shift": operands["shift"], "frac_bits": 0}
    return (
        Step("load_act", {"src": 0, "dst_row": 0, "count": cols, "frac_bits": frac}, 0),
        Step("load_bias", {"bias": 0}, 0),
        Step("mvm", mvm, 0),
        Step("write_back", write, 0),
        Step("store_act", {"src_row": 2, "dst": 0, "count": rows, "frac_bits": out}, 0),
    )


def run_machine(program, samples):
    """Run the image in C++; return outputs and all saturations."""
    runtime()
    load = tvm_ffi.get_global_func("ffi.Module.load_from_bytes.eie")
    out = np.full((len(samples), program.outputs), 7, np.float32)
    tvm_ffi.get_global_func("eie.profile_start")(False)
    try:
        load(encode_image(program))["f"](tvm_ffi.from_dlpack(samples), tvm_ffi.from_dlpack(out))
    finally:
        rows = tvm_ffi.get_global_func("eie.profile_stop")()
    names = [counter.name for counter in COUNTERS]
    counters = [dict(zip(names, map(int, row["counters"]), strict=True)) for row in rows]
    return out, sum(row[name] for row in counters for name in SATURATIONS)


@pytest.mark.parametrize("accumulator_bits", [16, 32])
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@settings(max_examples=40)
@given(data=st.data())
def test_machine_and_interpreter_equal_the_model(arithmetic, accumulator_bits, data):
    program, operands, samples = data.draw(layers(arithmetic, accumulator_bits))
    model = model_of(arithmetic, accumulator_bits)
    codes, codebook, bias = (
        program.matrices[0].codes(),
        program.matrices[0].codebook,
        *program.biases,
    )
    if arithmetic != "float32":
        codebook, bias = codebook.tolist(), bias.tolist()
    with np.errstate(over="ignore", invalid="ignore"):
        expected = np.array([run_model(model, codes, codebook, bias, x, operands) for x in samples])
        interpreted, interpreter_saturations = interpret(program, samples)
    out, saturations = run_machine(program, samples)
    assert interpreted.tobytes() == expected.tobytes()
    assert out.tobytes() == expected.tobytes()
    assert interpreter_saturations == saturations == model.saturations


# Entrances


def test_the_numbers_of_the_arithmetics_keep_their_meaning():
    """Images of earlier versions say 0 for float32 and 1 for int16."""
    assert ARITHMETIC.values == ("float32", "int16", "int8", "int32")


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_an_image_keeps_its_arithmetic(arithmetic):
    program = Program("f", HardwareConfig(), arithmetic, 1, 1, (), (), (), (), ())
    (decoded,) = decode_image(encode_image(program))
    assert decoded.arithmetic == arithmetic


@pytest.mark.parametrize("accumulator_bits", [16, 32])
def test_wider_numbers_are_more_precise_on_alex8(alex8, accumulator_bits):
    config = HardwareConfig(accumulator_bits=accumulator_bits)
    encoded = encode(alex8["codes"], alex8["codebook"], config, alex8["bias_codes"])
    errors = {}
    for arithmetic in VALUE_BITS:
        run = simulate(encoded, alex8["activations"], config, arithmetic)
        assert run.counters["accumulator_saturations"] == 0
        assert run.cycles == (7754 if arithmetic == "int8" else 7926)  # 8 bits round more to 0
        errors[arithmetic] = np.abs(run.output - alex8["output_float32"]).max()
    assert errors["int8"] > errors["int16"]
    assert errors["int32"] < 1.2 * errors["int16"]  # 16-bit sums lose more than 16-bit values do
    if accumulator_bits == 32:
        assert errors["int8"] > 100 * errors["int16"]
        assert errors["int16"] > 50 * errors["int32"]  # which is as far off as float32 itself


@pytest.mark.sampled(3)
@pytest.mark.parametrize("accumulator_bits", [16, 32])
@pytest.mark.parametrize("bias", ["register", "column"])
@pytest.mark.parametrize(("arithmetic", "tolerance"), [("int8", 0.2), ("int32", 0.01)])
def test_a_network_runs_in_every_width(make_mlp, arithmetic, tolerance, bias, accumulator_bits):
    config = HardwareConfig(num_pe=8, accumulator_bits=accumulator_bits)
    mod = eie.from_onnx(make_mlp(24, 16, 10))
    x = np.random.default_rng(3).normal(size=(4, 24)).astype(np.float32)
    options = {"calibration": x, "bias": bias}
    reports = {
        kind: eie.profile(eie.compile(mod, config, arithmetic=kind, **options), x)
        for kind in ("float32", arithmetic)
    }
    exact, found = reports["float32"], reports[arithmetic]
    scale = np.abs(exact.outputs[0]).max()
    assert np.abs(found.outputs[0] - exact.outputs[0]).max() < tolerance * scale
    assert found.arithmetic == arithmetic
    assert sum(found.saturations.values()) == 0
    assert [r.cycles_per_sample > 0 for r in found.layers] == [True, True]


def test_formats_of_32_bits_shift_a_full_product_into_16_bits():
    """Products of 2**62 need a shift of 48: longer than any left shift, so not limited by it."""
    config = HardwareConfig(num_pe=1, accumulator_bits=16)
    encoded = encode([[1, 1]], [0.0, 1.5], config)
    run = simulate(encoded, [1.5, 1.5], config, "int32")
    assert run.output.tolist() == [4.5]
    assert run.format.product_shift > 40
    assert run.counters["accumulator_saturations"] == 0


def test_int8_has_no_word_for_the_one_of_a_bias_column_beside_large_activations():
    config = HardwareConfig(num_pe=2)
    encoded = encode([[1]], [0, 1], config, [1])
    assert simulate(encoded, [127], config, "int8").output.tolist() == [128]
    with pytest.raises(eie.errors.InputError, match=r"reach 128\.0; .* int8 holds at most 127"):
        simulate(encoded, [128], config, "int8")


def test_a_scale_given_by_hand_quantises_to_the_width():
    config = HardwareConfig(num_pe=1, accumulator_bits=32)
    coarse = LayerFormat(input=0, weights=0, accumulator=0, output=0)
    run = simulate(encode([[1]], [0, 1000.0], config), [1000.0], config, "int8", coarse)
    assert run.output.tolist() == [127 * 127]
