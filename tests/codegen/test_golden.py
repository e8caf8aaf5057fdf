"""Programs as text: what the compiler makes of small networks, and of LeNet-300-100."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from tvm import relax

import eie_backend
from eie_backend.compiler import prepare
from eie_backend.compiler.stages import eie_programs
from eie_backend.config import HardwareConfig
from eie_backend.isa.assembly import from_dialect, parse_program, print_program, to_dialect
from eie_backend.isa.image import encode_image
from eie_backend.isa.source_file import disassemble
from eie_backend.machine.target import as_target

MACHINE = HardwareConfig(num_pe=2, accumulator_bits=32)
BLOCKS_OF_FOUR = replace(MACHINE, act_registers=2)
W1 = np.array([[1, 0, -0.5], [0, 0, 2], [0.5, 1, 0], [0, 0, -0.5]], np.float32)
W2 = np.array([[3, 0], [-1, 0.25], [0, 3]], np.float32)
B1 = np.array([0.5, -1, 0.125], np.float32)
DATA = np.array([[1, 2, -3, 0]], np.float32)
LENET = files("eie_backend") / "data" / "lenet_300_100.onnx"


def build(body, inputs=4, batch=(1,)):
    """Return a module whose `main` computes ``body(builder, x)`` for a batch of samples."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((*batch, inputs), "float32"))
    with builder.function("main", [x]):
        builder.emit_func_output(body(builder, x))
    return builder.get()


relu = relax.op.nn.relu


def clip(x):
    return relax.op.clip(x, 0.0, 1.5)


def leaky_relu(x):
    return relax.op.nn.leakyrelu(x, 0.25)


def dense(builder, x, weights, name, bias=None, *, epilogue=None):
    value = builder.emit(relax.op.matmul(x, relax.const(weights)), name)
    if bias is not None:
        value = builder.emit(relax.op.add(value, relax.const(bias)))
    return value if epilogue is None else builder.emit(epilogue(value))


def chain(builder, x):
    hidden = dense(builder, x, W1, "fc1", B1, epilogue=relu)
    return dense(builder, hidden, W2, "fc2")


def wide(builder, x):
    weights = np.zeros((6, 5), np.float32)
    weights[::2, ::2], weights[1::3, 1:] = 1, -0.5
    return dense(builder, x, weights, "fc", np.arange(5, dtype=np.float32), epilogue=relu)


def branches(builder, x):
    trunk = dense(builder, x, W1, "trunk", epilogue=relu)
    left, right = dense(builder, trunk, W2, "left"), dense(builder, trunk, -W2, "right", -B1[:2])
    return relax.Tuple([left, right])


def program(mod, config=MACHINE, **options):
    """Return the only program of a module, without the manifest's versions and hashes."""
    target = as_target(config)
    (found,) = eie_programs(prepare(mod, target, **options), target)
    return replace(found, manifest={})


def text_of(found, *, elide=False):
    text = print_program(to_dialect(found), elide=elide)
    if not elide:
        assert encode_image(from_dialect(parse_program(text))) == encode_image(found)
    return text


LAYERS = {
    "layer": {},
    "layer_relu": {"epilogue": relu},
    "layer_bias": {"bias": B1},
    "layer_bias_relu": {"bias": B1, "epilogue": relu},
    "layer_clip": {"epilogue": clip},
    "layer_leaky_relu": {"bias": B1, "epilogue": leaky_relu},
    "layer_of_zeros": {"weights": np.zeros((4, 3), np.float32), "bias": B1},
    "layer_one_by_one": {"weights": np.full((1, 1), 0.5, np.float32)},
}


def layer(weights=W1, **others):
    return build(lambda builder, x: dense(builder, x, weights, "fc1", **others), len(weights))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer(golden, name):
    golden(f"{name}.mlir", text_of(program(layer(**LAYERS[name]), arithmetic="float32")))


@pytest.mark.parametrize("arithmetic", ["int8", "int16", "int32"])
def test_a_layer_in_integers(golden, arithmetic):
    mod = layer(bias=B1, epilogue=relu)
    found = program(mod, arithmetic=arithmetic, calibration=DATA)
    golden(f"layer_{arithmetic}.mlir", text_of(found))


@pytest.mark.parametrize("epilogue", [clip, leaky_relu])
def test_an_epilogue_in_integers(golden, epilogue):
    found = program(layer(bias=B1, epilogue=epilogue), calibration=DATA)
    golden(f"layer_{epilogue.__name__}_int16.mlir", text_of(found))


def test_a_layer_with_narrow_accumulators(golden):
    narrow = replace(MACHINE, accumulator_bits=16)
    golden("layer_accumulator_16.mlir", text_of(program(layer(bias=B1), narrow, calibration=DATA)))


def test_a_layer_on_more_pes_than_it_has_outputs(golden):
    found = program(layer(bias=B1), replace(MACHINE, num_pe=5), arithmetic="float32")
    golden("layer_on_five_pes.mlir", text_of(found))


def test_the_program_of_a_batch_is_that_of_a_sample():
    one, batch = (
        program(build(chain, batch=shape), arithmetic="float32") for shape in ((1,), (2, 3))
    )
    assert text_of(replace(batch, symbol=one.symbol)) == text_of(one)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("chain_float32", {"arithmetic": "float32"}),
        ("chain_int16", {"arithmetic": "int16", "calibration": DATA}),
        ("chain_int16_without_calibration", {"arithmetic": "int16"}),
        ("chain_bias_column_float32", {"arithmetic": "float32", "bias": "column"}),
        (
            "chain_bias_column_int16",
            {"arithmetic": "int16", "bias": "column", "calibration": DATA},
        ),
    ],
)
def test_a_chain(golden, name, options):
    golden(f"{name}.mlir", text_of(program(build(chain), **options)))


@pytest.mark.parametrize("bias", ["register", "column"])
def test_tiles_in_both_directions(golden, bias):
    found = program(build(wide, 6), BLOCKS_OF_FOUR, arithmetic="float32", bias=bias)
    golden(f"tiles_bias_{bias}.mlir", text_of(found))


def test_a_streamed_program(golden):
    config = replace(BLOCKS_OF_FOUR, ptr_sram_bytes=16)
    golden("streamed.mlir", text_of(program(build(wide, 6), config, arithmetic="float32")))


def test_a_streamed_chain(golden):
    config = replace(MACHINE, ptr_sram_bytes=12)
    golden("streamed_chain.mlir", text_of(program(build(chain), config, arithmetic="float32")))


def softmax_between(builder, x):
    hidden = dense(builder, x, W1, "fc1", B1, epilogue=relu)
    return dense(builder, builder.emit(relax.op.nn.softmax(hidden)), W2, "fc2")


def test_two_programs_with_the_host_between(golden):
    target = as_target(MACHINE)
    found = eie_programs(prepare(build(softmax_between), target, arithmetic="float32"), target)
    golden("two_programs.mlir", disassemble(replace(one, manifest={}) for one in found))


def test_branches_with_two_results(golden):
    golden("branches.mlir", text_of(program(build(branches), arithmetic="float32")))


@pytest.mark.skipif(not LENET.is_file(), reason="the package has no trained LeNet-300-100")
def test_lenet_300_100(golden):
    mod = eie_backend.from_onnx(LENET.read_bytes(), bind={"batch": 1})
    recipe = eie_backend.Recipe(density=0.25)
    found = program(mod, HardwareConfig(), recipe=recipe, arithmetic="int16")
    golden("lenet_300_100.mlir", text_of(found, elide=True))
