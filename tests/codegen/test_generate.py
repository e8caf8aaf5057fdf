"""Programs: tiles change no bit, and the C++ machine equals the reference interpreter."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import tvm
from hypothesis import given, settings
from hypothesis import strategies as st
from on_llvm import on_llvm
from tvm import relax

import eie_backend
from eie_backend.codegen.library import programs
from eie_backend.codegen.residency import fit_together
from eie_backend.compiler import build, prepare
from eie_backend.compiler.stages import eie_programs
from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError
from eie_backend.isa.image import encode_image
from eie_backend.isa.interpreter import interpret
from eie_backend.machine.encoding import encode
from eie_backend.machine.target import as_target
from eie_backend.profiler import profile_runner
from eie_backend.simulator.runner import Runner

MACHINE = HardwareConfig(num_pe=4)
TILED = HardwareConfig(num_pe=4, act_registers=2)
"""Blocks of eight values."""


RELU = {"epilogue": 1, "parameter": 0}


def network(sizes, seed=0, *, batch=3, density=0.4, bias=True, relu=True):
    """Return a chain fc1, fc2, ... of random layers with few values."""
    rng = np.random.default_rng(seed)
    builder = relax.BlockBuilder()
    value = x = relax.Var("x", relax.TensorType((batch, sizes[0]), "float32"))
    with builder.function("main", [x]):
        for number, shape in enumerate(pairwise(sizes), start=1):
            codebook = np.append(0, rng.normal(size=15)).astype(np.float32)
            codes = rng.integers(0, 16, shape) * (rng.random(shape) < density)
            product = relax.op.matmul(value, relax.const(codebook[codes]))
            value = builder.emit(product, f"fc{number}")
            if bias:
                vector = rng.normal(size=shape[1]).astype(np.float32)
                value = builder.emit(relax.op.add(value, relax.const(vector)))
            if relu:
                value = builder.emit(relax.op.nn.relu(value))
        builder.emit_func_output(value)
    return builder.get()


def branches(seed=0):
    """Return a module of two results, both computed from one layer."""
    rng = np.random.default_rng(seed)
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((3, 9), "float32"))

    def layer(value, inputs, outputs, name):
        weights = rng.choice([-1, 0, 0, 0.5], (inputs, outputs)).astype(np.float32)
        return builder.emit(relax.op.matmul(value, relax.const(weights)), name)

    with builder.function("main", [x]):
        trunk = builder.emit(relax.op.nn.relu(layer(x, 9, 11, "trunk")))
        left, right = layer(trunk, 11, 5, "left"), layer(trunk, 11, 7, "right")
        builder.emit_func_output(relax.Tuple([right, left, trunk]))
    return builder.get()


def samples(size, seed=0, batch=3):
    x = np.random.default_rng(seed).normal(size=(batch, size)).astype(np.float32)
    return np.maximum(x, 0)  # half of the activations are zero


def compiled(mod, config, x, **options):
    """Return what the C++ machine and what the interpreter make of `x`, and the program."""
    data = None if options.get("arithmetic") == "float32" else x
    prepared = prepare(mod, config, calibration=data, **options)
    executable = build(prepared, as_target(config))
    (program,) = programs(executable)
    report = profile_runner(Runner(executable), x)
    machine = np.concatenate([value.reshape(len(x), -1) for value in report.outputs], axis=1)
    expected, saturations = interpret(program, x)
    assert sum(report.saturations.values()) == saturations
    return machine, expected, program


def counts(program):
    names = [step.instruction for step in (*program.setup, *program.steps)]
    return {name: names.count(name) for name in sorted(set(names))}


# The machine equals the interpreter


@pytest.mark.parametrize("arithmetic", ["float32", "int16"])
@pytest.mark.parametrize("bias", ["register", "column"])
@pytest.mark.parametrize("config", [MACHINE, TILED], ids=["whole", "tiled"])
def test_machine_equals_interpreter(arithmetic, bias, config):
    mod, x = network([19, 21, 9]), samples(19)
    machine, expected, _ = compiled(mod, config, x, arithmetic=arithmetic, bias=bias)
    assert machine.tobytes() == expected.tobytes()
    assert np.count_nonzero(machine) > machine.size // 4


@settings(max_examples=8)
@given(
    seed=st.integers(0, 2**32 - 1),
    # Of different shapes: two layers without any weight would be one that is used twice.
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=4, unique=True),
    num_pe=st.integers(1, 9),
    registers=st.integers(1, 4),
    spmat=st.sampled_from([64, 512, 131072]),
    arithmetic=st.sampled_from(["float32", "int16"]),
    bias=st.sampled_from(["register", "column"]),
    accumulator_bits=st.sampled_from([16, 32]),
)
def test_machine_equals_interpreter_on_any_machine(
    seed, sizes, num_pe, registers, spmat, arithmetic, bias, accumulator_bits
):
    config = HardwareConfig(
        num_pe=num_pe,
        act_registers=registers,
        spmat_sram_bytes=spmat,
        accumulator_bits=accumulator_bits,
    )
    rng = np.random.default_rng(seed)
    flags = {"bias": bool(rng.integers(2)), "relu": bool(rng.integers(2))}
    mod = network(sizes, seed, density=rng.choice([0.0, 0.3, 1.0]), **flags)
    x = samples(sizes[0], seed)
    machine, expected, _ = compiled(mod, config, x, arithmetic=arithmetic, bias=bias)
    assert machine.tobytes() == expected.tobytes()


@pytest.mark.parametrize("arithmetic", ["float32", "int16"])
def test_results_of_branches(arithmetic):
    mod, x = branches(), samples(9)
    machine, expected, program = compiled(mod, MACHINE, x, arithmetic=arithmetic)
    assert program.layers == ("trunk", "left", "right")
    # The host puts the tensors of the program into the order of its own results.
    assert sorted(machine.ravel()) == sorted(expected.ravel())
    tolerance = 1e-6 if arithmetic == "float32" else 2e-3
    np.testing.assert_allclose(machine, np.concatenate(on_llvm(mod, x), axis=1), atol=tolerance)


# Tiles


BLOCK = 8


@pytest.mark.sampled(4)
@pytest.mark.parametrize("outputs", [1, BLOCK - 1, BLOCK, BLOCK + 1])
@pytest.mark.parametrize("inputs", [1, BLOCK - 1, BLOCK, 3 * BLOCK + 1])
def test_tiles_change_no_bit(outputs, inputs):
    mod, x = network([inputs, outputs], density=0.9), samples(inputs)
    tiled, _, program = compiled(mod, TILED, x, arithmetic="float32")
    whole, _, _ = compiled(mod, MACHINE, x, arithmetic="float32")
    assert tiled.tobytes() == whole.tobytes()
    assert len(program.matrices) == -(-outputs // BLOCK) * -(-inputs // BLOCK)


def test_tiles_of_a_chain_change_no_bit():
    mod, x = network([20, 30, 10]), samples(20)
    tiled, _, _ = compiled(mod, TILED, x, arithmetic="int16")
    whole, _, _ = compiled(mod, MACHINE, x, arithmetic="int16")
    assert tiled.tobytes() == whole.tobytes()


def test_the_bias_column_is_in_the_last_tile_of_each_output_block():
    mod, x = network([BLOCK + 1, BLOCK + 1]), samples(BLOCK + 1)
    _, _, program = compiled(mod, TILED, x, bias="column")
    assert [matrix.has_bias_column for matrix in program.matrices] == [False, True, False, True]
    assert program.biases == ()
    assert counts(program)["clear"] == 2


def test_a_bias_column_is_close_to_the_bias():
    codebook = np.array([0, -2, 0.5, 3], np.float32)
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((1, 3), "float32"))
    with builder.function("main", [x]):
        product = relax.op.matmul(x, relax.const(codebook[[[1], [2], [3]]] * [[1, 0, 1, 0]]))
        shifted = relax.op.add(
            builder.emit(product), relax.const(np.array([0.4, -9, 9, 0.1], np.float32))
        )
        builder.emit_func_output(builder.emit(shifted))
    executable = eie_backend.compile(builder.get(), MACHINE, arithmetic="float32", bias="column")
    (zero,) = eie_backend.run(executable, np.zeros((1, 3), np.float32))
    assert zero.tolist() == [[0.5, -2.0, 3.0, 0.0]]


# Weight SRAM


def test_matrices_that_fit_together_are_loaded_once():
    _, _, program = compiled(network([20, 20, 20]), MACHINE, samples(20))
    assert [step.instruction for step in program.setup] == ["load_matrix"] * 2
    assert "load_matrix" not in [step.instruction for step in program.steps]


def test_matrices_that_do_not_fit_together_are_streamed():
    config = HardwareConfig(num_pe=4, spmat_sram_bytes=128)
    mod, x = network([20, 20, 20], density=0.9), samples(20)
    streamed, expected, program = compiled(mod, config, x)
    assert program.setup == ()
    names = [step.instruction for step in program.steps]
    mvms = [at for at, name in enumerate(names) if name == "mvm"]
    assert len(mvms) == len(program.matrices) > 1
    for at in mvms:
        load, mvm = program.steps[at - 1], program.steps[at]
        assert load.instruction == "load_matrix"
        assert load.operands["matrix"] == mvm.operands["matrix"]
    assert streamed.tobytes() == expected.tobytes()
    resident, _, _ = compiled(mod, MACHINE, x)
    assert streamed.tobytes() == resident.tobytes()


def matrix_of(config, columns, entries):
    """Return a one-row matrix with so many entries in PE 0."""
    codes = np.zeros((1, columns), np.uint8)
    codes[0, :entries] = 1
    return encode(codes, [0, 1], config)


@pytest.mark.parametrize(("words", "fits"), [(8, True), (9, False)])
def test_residency_counts_whole_words_of_entries(words, fits):
    config = HardwareConfig(num_pe=2, spmat_sram_bytes=64)  # 8 words of 8 entries
    first = matrix_of(config, 70, 8 * (words - 1) - 7)
    assert fit_together([first, matrix_of(config, 70, 1)], config) == fits


@pytest.mark.parametrize(("pointers", "fits"), [(7, True), (6, False)])
def test_residency_counts_pointers(pointers, fits):
    config = HardwareConfig(num_pe=2, ptr_sram_bytes=2 * pointers)
    assert fit_together([matrix_of(config, 2, 1), matrix_of(config, 3, 1)], config) == fits


# Operands


def test_operands_of_a_chain():
    _, _, program = compiled(network([9, 6, 5]), MACHINE, samples(9), arithmetic="float32")
    steps = [(step.instruction, dict(step.operands), step.layer) for step in program.steps]
    last = MACHINE.act_rows
    no_scale = {"shift": 0, "frac_bits": 0}
    assert steps == [
        ("load_act", {"src": 0, "dst_row": 0, "count": 9, "frac_bits": 0}, 0),
        ("load_bias", {"bias": 0}, 0),
        ("mvm", {"matrix": 0, "src_row": 0, **no_scale}, 0),
        ("write_back", {"dst_row": last - 2, "count": 6, **RELU, "shift": 0}, 0),
        ("load_bias", {"bias": 1}, 1),
        ("mvm", {"matrix": 1, "src_row": last - 2, **no_scale}, 1),
        ("write_back", {"dst_row": 0, "count": 5, **RELU, "shift": 0}, 1),
        ("store_act", {"src_row": 0, "dst": 0, "count": 5, "frac_bits": 0}, 1),
    ]


def test_tiles_read_and_write_their_rows():
    _, _, program = compiled(network([17, 18]), TILED, samples(17), arithmetic="float32")
    mvms = [step.operands for step in program.steps if step.instruction == "mvm"]
    assert [mvm["src_row"] for mvm in mvms] == [0, 2, 4] * 3
    first = TILED.act_rows - 5
    writes = [step.operands for step in program.steps if step.instruction == "write_back"]
    assert [(write["dst_row"] - first, write["count"]) for write in writes] == [
        (0, 8),
        (2, 8),
        (4, 2),
    ]


def test_biases_have_the_accumulators_scale():
    mod, x = network([9, 6]), samples(9)
    _, _, exact = compiled(mod, MACHINE, x, arithmetic="float32")
    _, _, program = compiled(mod, MACHINE, x, arithmetic="int16")
    (mvm,) = [step.operands for step in program.steps if step.instruction == "mvm"]
    weights = np.abs(exact.matrices[0].codebook).max()
    weight_bits = round(np.log2(np.abs(program.matrices[0].codebook).max() / weights))
    scale = 2.0 ** (mvm["frac_bits"] + weight_bits - mvm["shift"])
    np.testing.assert_allclose(program.biases[0] / scale, exact.biases[0], atol=0.5 / scale)


def test_the_same_module_gives_the_same_bytes():
    prepared = prepare(network([9, 6, 5]), MACHINE)
    images = {
        b"".join(encode_image(program) for program in eie_programs(prepared, as_target(MACHINE)))
        for _ in range(2)
    }
    assert len(images) == 1


def test_the_manifest_names_what_the_program_is_made_from():
    (program,) = eie_programs(prepare(network([9, 6]), MACHINE), as_target(MACHINE))
    assert program.manifest["interface"] == '[["x", [3, 9], "float32"]]'
    assert program.manifest["tvm_version"] == tvm.__version__
    other = replace(MACHINE, fifo_depth=4)
    (changed,) = eie_programs(prepare(network([9, 6]), other), as_target(other))
    assert changed.manifest["config_sha256"] != program.manifest["config_sha256"]


# Faults


def test_a_bias_column_needs_room_for_its_constant():
    x = 1e5 * samples(9)
    message = (
        "fc1: activations beyond 32767 leave no room for the constant 1 of a bias column; "
        "use bias='register'"
    )
    with pytest.raises(ModelError, match=re.escape(message)):
        eie_backend.compile(network([9, 6]), MACHINE, calibration=x, bias="column")


def test_activations_that_must_be_held_together_and_do_not_fit():
    config = HardwareConfig(num_pe=4, act_sram_bytes=12)
    message = (
        "activations of 7 rows must be held together; the activation SRAM has 6: "
        "raise num_pe or act_sram_bytes"
    )
    with pytest.raises(ModelError, match=re.escape(message)):
        eie_backend.compile(branches(), config)


def test_weights_that_no_tile_holds():
    config = HardwareConfig(num_pe=4, ptr_sram_bytes=8)
    with pytest.raises(ModelError, match="no tile of 4 inputs fits: a PE has 8 bytes"):
        eie_backend.compile(network([9, 6]), config)


@pytest.mark.parametrize("scale", [1e-30, 1e-5, 1e5, 1e8])
def test_inputs_of_any_magnitude_compile(scale):
    mod, x = network([9, 6], bias=False), samples(9) * np.float32(scale)
    machine, expected, _ = compiled(mod, MACHINE, x)
    assert machine.tobytes() == expected.tobytes()
