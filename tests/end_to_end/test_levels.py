"""One network, six forms: each form of LeNet-300-100 is checked by its own oracle.

The table is in ``docs/``, section architecture; the network is the one that the package ships.
"""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import onnxruntime
import pytest
import tvm
from on_llvm import on_llvm
from tvm import relax

import eie_backend
from eie_backend.codegen.library import programs
from eie_backend.compiler import build, prepare
from eie_backend.compiler.stages import eie_programs, emit, partitioned, tir
from eie_backend.isa.assembly import from_dialect, parse_program, print_program, to_dialect
from eie_backend.isa.image import decode_image, encode_image
from eie_backend.isa.interpreter import interpret
from eie_backend.lower.lower_to_tir import LowerToTIR, is_eie_function, is_kernel
from eie_backend.machine.target import as_target
from eie_backend.transform.layers import dense_layers

BATCH = 4
LAYERS = ["fc1", "fc2", "fc3"]
TARGET = as_target(None)
RECIPE = eie_backend.Recipe(density=0.25)
ARITHMETICS = ["float32", "int16"]
DATA = files("eie_backend") / "data"


@pytest.fixture(scope="module")
def network(make_mlp):
    """Return the ONNX bytes, dimensions to bind and one batch of inputs."""
    shipped = DATA / "lenet_300_100.onnx"
    if not shipped.is_file():
        x = np.random.default_rng(0).random((BATCH, 784), np.float32)
        return make_mlp(784, 300, 100, 10, batch=BATCH).SerializeToString(), {}, x
    with (DATA / "mnist_test_1000.npz").open("rb") as file, np.load(file) as data:
        images = data["images"][:BATCH].astype(np.float32) / 255
    return shipped.read_bytes(), {"batch": BATCH}, images.reshape(BATCH, 1, 28, 28)


@pytest.fixture(scope="module")
def x(network):
    return network[2]


@pytest.fixture(scope="module")
def original(network):
    model, bind, _ = network
    return eie_backend.from_onnx(model, bind)


@pytest.fixture(scope="module")
def prepared(original, x):
    """Return the compressed and calibrated module by arithmetic."""
    calibrated = eie_backend.calibrate(eie_backend.compress(original, RECIPE), x)
    return {kind: prepare(calibrated, TARGET, arithmetic=kind) for kind in ARITHMETICS}


@pytest.fixture(scope="module")
def program(prepared):
    """Return the one program by arithmetic."""
    found = {}
    for kind in ARITHMETICS:
        (found[kind],) = eie_programs(prepared[kind], TARGET)
    return found


@pytest.fixture(scope="module")
def compressed_values(prepared, x):
    return evaluate(prepared["float32"], x)


@pytest.fixture(scope="module")
def interpreted(program, x):
    """Return the interpreter's values by arithmetic."""
    return {kind: interpret(program[kind], x.reshape(BATCH, -1))[0] for kind in ARITHMETICS}


def evaluate(mod, x):
    """Run a module on TVM's LLVM backend."""
    return on_llvm(mod, x)[0]


def close(values, reference):
    """Compare float32 results whose sums were taken in different orders."""
    np.testing.assert_allclose(values, reference, rtol=1e-4, atol=1e-5 * np.abs(reference).max())


def test_level_1_relax_equals_onnx_runtime(network, original, x):
    session = onnxruntime.InferenceSession(network[0], providers=["CPUExecutionProvider"])
    (reference,) = session.run(None, {session.get_inputs()[0].name: x})
    close(evaluate(original, x), reference)
    assert [layer.name for layer in dense_layers(original)] == LAYERS


def test_level_2_compressed_equals_numpy(prepared, compressed_values, x):
    layers = dense_layers(prepared["float32"])
    assert [layer.name for layer in layers] == LAYERS
    biases = [
        binding.value.args[1].value.numpy()
        for block in prepared["float32"]["main"].body.blocks
        for binding in block.bindings
        if binding.value.op.name == "relax.add"
    ]
    value = x.reshape(BATCH, -1)
    for number, (layer, bias) in enumerate(zip(layers, biases, strict=True)):
        assert np.count_nonzero(np.unique(layer.weights)) <= 15
        assert np.count_nonzero(layer.weights) == round(0.25 * layer.weights.size)
        value = value @ layer.weights.T + bias
        value = np.maximum(value, 0) if number < len(layers) - 1 else value
    close(compressed_values, value)


def test_level_3_partitioned_holds_all_layers_in_one_function(prepared, compressed_values, x):
    mod = partitioned(prepared["float32"], TARGET)
    (function,) = [f for f in mod.functions.values() if is_eie_function(f)]
    composites = [
        (str(binding.value.attrs["Composite"]), str(binding.value.attrs["eie.layer"]))
        for block in function.body.blocks
        for binding in block.bindings
        if isinstance(binding.value, relax.Function)
    ]
    kinds = ["eie.dense_bias_relu", "eie.dense_bias_relu", "eie.dense_bias"]
    assert composites == list(zip(kinds, LAYERS, strict=True))
    # LLVM takes no nested functions: TVM lifts them out and drops who should compile them.
    lifted = relax.transform.LambdaLift()(mod)
    plain = {
        gvar: f.without_attr("Codegen") if is_eie_function(f) else f
        for gvar, f in lifted.functions_items()
    }
    assert evaluate(tvm.IRModule(plain), x).tobytes() == compressed_values.tobytes()


def test_level_4_unscheduled_kernels_equal_llvm(prepared, compressed_values, x):
    lowered = LowerToTIR()(partitioned(prepared["float32"], TARGET))
    close(evaluate(lowered, x), compressed_values)


def test_level_4_scheduled_kernels_are_instructions(prepared):
    mod = tir(prepared["float32"], TARGET)
    kernels = {g.name_hint: f.script() for g, f in mod.functions_items() if is_kernel(f)}
    assert sorted(kernels) == [f"{layer}_kernel" for layer in LAYERS]
    for text in kernels.values():
        assert text.count("T.eie.mvm(") == 1
        assert "+ w[" not in text


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_level_5_text_runs_in_the_interpreter(
    prepared, program, interpreted, compressed_values, x, arithmetic
):
    (text,) = emit("eie", None, lambda: prepared[arithmetic], TARGET)
    assert text == print_program(to_dialect(program[arithmetic]))
    parsed = from_dialect(parse_program(text))
    values, saturations = interpret(parsed, x.reshape(BATCH, -1))
    assert values.tobytes() == interpreted[arithmetic].tobytes()
    if arithmetic == "float32":
        close(values, compressed_values)
    else:
        largest = np.abs(compressed_values).max()
        np.testing.assert_allclose(values, compressed_values, atol=0.02 * largest)
        assert (values.argmax(axis=1) == compressed_values.argmax(axis=1)).all()
    assert saturations == 0


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_level_6_image_equals_the_interpreter(prepared, program, interpreted, x, arithmetic):
    executable = build(prepared[arithmetic], TARGET)
    (inside,) = programs(executable)
    assert encode_image(inside) == encode_image(program[arithmetic])
    report = eie_backend.profile(executable, x)
    assert report.outputs[0].tobytes() == interpreted[arithmetic].tobytes()
    (result,) = eie_backend.run(executable, x)
    assert result.tobytes() == report.outputs[0].tobytes()
    # It ran on the machine, not on the host.
    assert [layer.name for layer in report.layers] == LAYERS
    assert all(layer.counters["entries"] > 0 for layer in report.layers)
    assert all(layer.samples == BATCH for layer in report.layers)


def test_level_6_image_is_its_program(program):
    for found in program.values():
        image = encode_image(found)
        assert encode_image(*decode_image(image)) == image
        assert encode_image(replace(found, manifest={})) != image
