"""When matrices are loaded; numbers are those of `place_matrices`."""

from dataclasses import replace

import numpy as np
import pytest
from tvm import relax

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.codegen.residency import fit_together, place_matrices
from eie_backend.compiler import prepare
from eie_backend.compiler.stages import eie_programs
from eie_backend.config import HardwareConfig
from eie_backend.isa.counters import COUNTERS
from eie_backend.isa.image import decode_image, encode_image
from eie_backend.isa.interpreter import interpret
from eie_backend.isa.program import Program, Step
from eie_backend.machine.encoding import encode
from eie_backend.machine.target import as_target

CONFIG = HardwareConfig(num_pe=1, spmat_sram_bytes=64)
"""A PE with eight words of eight entries."""


def matrix(entries, config=CONFIG):
    """Return a matrix of one column with so many entries in PE 0."""
    return encode(np.ones((entries, 1), np.uint8), [0, 1], config)


def program(*entries, config=CONFIG):
    """Return a program with matrices of so many entries, as `generate` leaves it."""
    steps = [
        Step(name, {"matrix": number} if name == "mvm" else {}, 0)
        for number in range(len(entries))
        for name in ("clear", "mvm")
    ]
    matrices = tuple(matrix(count, config) for count in entries)
    return Program("f", config, "float32", 1, 1, ("fc",), matrices, (), (), tuple(steps))


def loads(steps):
    return [step.operands["matrix"] for step in steps if step.instruction == "load_matrix"]


# The three places


@pytest.mark.parametrize("split", [[program(24, 40)], [program(24), program(40)]])
def test_programs_that_fit_together_load_once(split):  # 1
    placed = place_matrices(split)
    for before, after in zip(split, placed, strict=True):
        assert loads(after.setup) == list(range(len(before.matrices)))
        assert after.steps == before.steps
        assert not after.setup_per_call


def test_programs_that_do_not_fit_together_take_turns():  # 2
    for after in place_matrices([program(24, 8), program(41)]):
        assert loads(after.setup) == list(range(len(after.matrices)))
        assert loads(after.steps) == []
        assert after.setup_per_call


def test_a_program_that_does_not_fit_is_streamed():  # 3
    large, small = place_matrices([program(24, 41), program(1)])
    assert (large.setup, large.setup_per_call) == ((), False)
    names = [step.instruction for step in large.steps]
    assert names == ["clear", "load_matrix", "mvm"] * 2
    assert loads(large.steps) == [0, 1]
    assert (loads(small.setup), small.setup_per_call) == ([0], True)


def test_pointers_decide_too():
    config = HardwareConfig(num_pe=1, ptr_sram_bytes=2 * 4)
    one, two = program(1, config=config), program(1, 1, config=config)
    assert not place_matrices([two])[0].setup_per_call
    assert all(p.setup_per_call for p in place_matrices([one, two]))
    assert fit_together([], config)


# From the model to the counters


def two_parts(seed=0):
    """Return a module of two layers with a softmax on the host between them, batch 2."""
    rng = np.random.default_rng(seed)
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((2, 20), "float32"))

    def layer(value, name):
        weights = rng.choice([-1, 0.5, 2], (20, 20)).astype(np.float32)
        return builder.emit(relax.op.matmul(value, relax.const(weights)), name)

    with builder.function("main", [x]):
        hidden = builder.emit(relax.op.nn.softmax(layer(x, "first")))
        builder.emit_func_output(layer(hidden, "second"))
    return builder.get()


def machine(spmat_sram_bytes):
    return HardwareConfig(num_pe=4, spmat_sram_bytes=spmat_sram_bytes)


# A layer stores 20 x 5 entries per PE: 104 bytes in whole words.
ONCE, TURNS, STREAMED = machine(208), machine(207), machine(103)


@pytest.mark.parametrize("config", [ONCE, TURNS, STREAMED], ids=["once", "turns", "streamed"])
def test_values_do_not_depend_on_the_place(config):
    x = np.random.default_rng(1).normal(size=(6, 20)).astype(np.float32)
    found = eie.run(eie.compile(two_parts(), config, arithmetic="float32"), x)
    whole = eie.run(eie.compile(two_parts(), arithmetic="float32"), x)
    assert found[0].tobytes() == whole[0].tobytes()


def test_loads_are_counted_where_they_happen():
    x = np.zeros((6, 20), np.float32)  # three calls of two samples
    reports = {}
    for name, config in (("once", ONCE), ("turns", TURNS), ("streamed", STREAMED)):
        executable = eie.compile(two_parts(), config, arithmetic="float32")
        report = eie.profile(executable, x)
        layers = sum(layer.counters["load_bytes"] for layer in report.layers)
        reports[name] = (report.setup["load_bytes"], report.reloads["load_bytes"], layers)
    weights, _, vectors = reports["once"]
    assert weights > 0
    assert reports["turns"] == (0, 3 * weights, vectors)
    # Another cut has more pointers, so only a bound is known.
    assert reports["streamed"][:2] == (0, 0)
    assert reports["streamed"][2] >= vectors + 6 * weights


def test_all_functions_of_a_module_are_placed_together():
    target = as_target(TURNS)
    prepared = prepare(two_parts(), target)
    emitted = eie_programs(prepared, target)
    built = programs(eie.compile(two_parts(), TURNS))
    assert len(built) == 2
    assert all(p.setup_per_call for p in built)
    assert sorted(map(encode_image, emitted)) == sorted(map(encode_image, built))


def test_the_interpreter_runs_a_setup_of_every_call():
    (first, _) = programs(eie.compile(two_parts(), TURNS, arithmetic="float32"))
    x = np.random.default_rng(2).normal(size=(3, 20)).astype(np.float32)
    once = replace(first, setup_per_call=False)
    assert interpret(first, x)[0].tobytes() == interpret(once, x)[0].tobytes()


def test_the_image_says_how_often():
    once = replace(program(1), steps=())
    found = (once, replace(once, symbol="other", setup_per_call=True))
    assert [p.setup_per_call for p in decode_image(encode_image(*found))] == [False, True]


def test_reloads_have_every_counter():
    report = eie.profile(eie.compile(two_parts(), TURNS), np.zeros((2, 20), np.float32))
    assert report.reloads.keys() == {counter.name for counter in COUNTERS}
