"""The C++ machine against the reference interpreter, and what its recorder tells."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import tvm_ffi
from hypothesis import given, settings
from hypothesis import strategies as st
from machines import (
    NAMES,
    load_image,
    profile,
    random_program,
    random_samples,
    run_image,
    run_matrix,
)

from eie_backend.config import HardwareConfig
from eie_backend.isa.image import encode_image
from eie_backend.isa.interpreter import interpret
from eie_backend.isa.program import Step
from eie_backend.machine.encoding import encode
from eie_backend.runtime import runtime

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    runtime()


@settings(max_examples=300)
@given(seed=seeds)
def test_programs_equal_the_reference_interpreter(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    samples = random_samples(rng, 3, program.inputs)
    if program.arithmetic == "int16":
        special = rng.choice([np.nan, np.inf, -np.inf, 0.5, -0.0, 3e38, 1e-40], program.inputs)
        samples[2] = special
    expected, saturations = interpret(program, samples)
    outputs = []
    rows = profile(
        lambda: outputs.append(run_image(encode_image(program), "f", samples, program.outputs))
    )
    assert outputs[0].tobytes() == expected.tobytes()
    total = {name: sum(row["counters"][name] for row in rows) for name in NAMES}
    counted = total["input_saturations"] + total["accumulator_saturations"]
    assert counted + total["output_saturations"] == saturations


def test_a_saturation_is_counted_where_it_happens():
    config = HardwareConfig(num_pe=2, accumulator_bits=16)
    matrix = replace(
        encode([[1], [2]], [0, 1, 2], config),
        codebook=np.array([0, 1000, 1] + [0] * 13, np.int32),
    )
    x = np.array([100], np.int32)
    out, counters = run_matrix(config, matrix, x)
    assert out.tolist() == [32767, 100]
    assert counters["accumulator_saturations"] == 1


@pytest.mark.parametrize("shift", [-40, 62])
@pytest.mark.parametrize("x", [-(2**31), 2**31 - 1])
def test_extreme_shifts_saturate_like_exact_integers(shift, x):
    config = HardwareConfig(num_pe=1, accumulator_bits=32)
    matrix = replace(
        encode([[1], [2]], [0, 1, 2], config),
        codebook=np.array([0, -(2**31), 2**31 - 1] + [0] * 13, np.int32),
    )
    out, _ = run_matrix(config, matrix, np.array([x], np.int32), shift)
    products = [-(2**31) * x, (2**31 - 1) * x]
    exact = [round(p / 2**62) if shift == 62 else p * 2**40 for p in products]
    assert out.tolist() == [min(max(e, -(2**31)), 2**31 - 1) for e in exact]


def test_transfers_are_counted_beside_cycles():
    rng = np.random.default_rng(1)
    program = random_program(rng)
    while program.setup or not program.biases:
        program = random_program(rng)
    config = program.config
    samples = random_samples(rng, 2, program.inputs)
    rows = profile(lambda: run_image(encode_image(program), "f", samples, program.outputs))
    assert [row["layer"] for row in rows] == ["", *program.layers]
    assert rows[0]["counters"]["load_bytes"] == 0
    sizes = [m.storage_bytes(config) for m in program.matrices]
    sizes += [b.size * config.accumulator_bits // 8 for b in program.biases]
    loaded, stored = (program.steps[i].operands["count"] for i in (0, -1))
    sizes += [2 * loaded, 2 * stored]
    cycles = [-(-size // config.dram_bytes_per_cycle) for size in sizes]
    assert sum(row["counters"]["load_bytes"] for row in rows) == 2 * sum(sizes)
    assert sum(row["counters"]["load_cycles"] for row in rows) == 2 * sum(cycles)
    written = loaded + sum(m.rows for m in program.matrices)
    read = stored + sum(m.cols for m in program.matrices)
    assert sum(row["counters"]["act_writes"] for row in rows) == 2 * written
    assert sum(row["counters"]["act_reads"] for row in rows) == 2 * read


def test_setup_is_its_own_row_and_samples_have_extremes():
    rng = np.random.default_rng(2)
    program = random_program(rng)
    while not program.setup:
        program = random_program(rng)
    module = load_image(encode_image(program))
    samples = random_samples(rng, 4, program.inputs)
    out = np.zeros((1, program.outputs), np.float32)

    def run():
        for sample in samples:
            module["f"](tvm_ffi.from_dlpack(sample.copy()), tvm_ffi.from_dlpack(out))

    setup, *layers = profile(run)
    assert setup["samples"] == 0
    stored = sum(m.storage_bytes(program.config) for m in program.matrices)
    assert setup["counters"]["load_bytes"] == stored
    for row in layers:
        assert row["samples"] == 4
        assert 4 * row["min_cycles"] <= row["counters"]["cycles"] <= 4 * row["max_cycles"]


def test_the_image_comes_back_and_unknown_functions_do_not():
    program = random_program(np.random.default_rng(3))
    image = encode_image(program)
    module = load_image(image)
    assert module["__eie_image__"]() == image
    assert not module.implements_function("g")
    assert module.kind == "eie"


@pytest.mark.parametrize("engine", ["event", "clock"])
def test_a_module_has_the_functions_of_all_programs(engine):
    rng = np.random.default_rng(4)
    first = random_program(rng)
    # The second shares the first's weights, and its layers' names.
    steps = [Step("clear", {}, s.layer) if s.instruction == "load_bias" else s for s in first.steps]
    second = replace(first, symbol="g", steps=tuple(steps), biases=())
    module = load_image(encode_image(first, second))
    samples, outputs, rows = random_samples(rng, 3, first.inputs), [], []
    for program in (first, second):
        out = np.zeros((3, program.outputs), np.float32)
        tensors = [tvm_ffi.from_dlpack(samples), tvm_ffi.from_dlpack(out)]
        rows.append(profile(lambda f=module[program.symbol], t=tensors: f(*t), engine))
        alone, expected = load_image(encode_image(program)), np.zeros_like(out)
        tensors = [tvm_ffi.from_dlpack(samples), tvm_ffi.from_dlpack(expected)]
        assert rows[-1] == profile(lambda f=alone[program.symbol], t=tensors: f(*t), engine)
        assert out.tobytes() == expected.tobytes()
        outputs.append(out.tobytes())
    assert [{row["symbol"] for row in part} for part in rows] == [{"f"}, {"g"}]
    assert outputs[0] != outputs[1]


def test_threads_share_a_module():
    rng = np.random.default_rng(5)
    program = random_program(rng)
    image = encode_image(program)
    samples = random_samples(rng, 50, program.inputs)
    module = load_image(image)

    def run(_):
        out = np.zeros((50, program.outputs), np.float32)
        module["f"](tvm_ffi.from_dlpack(samples.copy()), tvm_ffi.from_dlpack(out))
        return out.tobytes()

    with ThreadPoolExecutor(4) as pool:
        results = set(pool.map(run, range(8)))
    assert results == {run_image(image, "f", samples, program.outputs).tobytes()}
