"""`compile`: what it refuses, and that the machine computes what TVM's LLVM build does."""

from dataclasses import replace

import numpy as np
import pytest
import tvm
from on_llvm import on_llvm
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend import HardwareConfig, Recipe
from eie_backend.codegen.library import programs
from eie_backend.errors import EieError
from eie_backend.isa.image import encode_image
from eie_backend.isa.program import RECORD
from eie_backend.machine.codebook import codebook_of
from eie_backend.transform.layers import dense_layers


@pytest.fixture(scope="module")
def mod(make_mlp):
    return eie.from_onnx(make_mlp(24, 16, 10, batch=4))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(4, 24)).astype(np.float32)


@pytest.fixture(scope="module")
def biases(make_mlp):
    model = make_mlp(24, 16, 10, batch=4)
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    return tensors["fc1.bias"], tensors["fc2.bias"]


def images(executable, record=True):
    found = programs(executable)
    if not record:  # it tells what was given to `compile`
        manifests = [{k: v for k, v in p.manifest.items() if k not in RECORD} for p in found]
        found = [replace(p, manifest=m) for p, m in zip(found, manifests, strict=True)]
    return [encode_image(program) for program in found]


def message(call, *arguments, **named):
    with pytest.raises(EieError) as error:
        call(*arguments, **named)
    return str(error.value)


def graph(nodes, inputs, outputs, weights=()):
    infos = [
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in values.items()]
        for values in (inputs, outputs)
    ]
    made = helper.make_graph(nodes, "graph", *infos, list(weights))
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def two_networks():
    """Two MLPs in one module: their own inputs, batches and results."""
    rng = np.random.default_rng(5)
    nodes, weights = [], []
    for net, sizes in (("a", (12, 8, 5)), ("b", (20, 9, 7))):
        value = f"{net}_in"
        for number in (1, 2):
            name = f"{net}_fc{number}"
            matrix = rng.normal(size=sizes[number - 1 : number + 1]).astype(np.float32)
            weights.append(numpy_helper.from_array(matrix, f"{name}.weight"))
            nodes.append(helper.make_node("MatMul", [value, f"{name}.weight"], [name], name))
            value = name
            if number == 1:
                nodes.append(helper.make_node("Relu", [name], [f"{name}_relu"]))
                value = f"{name}_relu"
    inputs = {"a_in": [3, 12], "b_in": [2, 20]}
    return graph(nodes, inputs, {"a_fc2": [3, 5], "b_fc2": [2, 7]}, weights)


# Values


@pytest.mark.parametrize("density", [1.0, 0.3])
@pytest.mark.parametrize("bits", [2, 4])
def test_float32_is_the_llvm_build_of_the_compressed_module(mod, x, density, bits):
    recipe = Recipe(density=density, bits=bits)
    compiled = eie.compile(mod, recipe=recipe, arithmetic="float32")
    expected = on_llvm(eie.compress(mod, recipe), x)[0]
    np.testing.assert_allclose(eie.run(compiled, x)[0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bits", [16, 32])
def test_int16_is_close(mod, x, bits):
    config = HardwareConfig(accumulator_bits=bits)
    compiled = eie.compile(mod, config, recipe=Recipe(), calibration=x)
    expected = on_llvm(eie.compress(mod), x)[0]
    tolerance = {16: 2**-6, 32: 2**-9}[bits]
    difference = np.abs(eie.run(compiled, x)[0] - expected).max()
    assert 0 < difference < tolerance * np.abs(expected).max()


@pytest.mark.parametrize("num_pe", [1, 3, 64, 256])
def test_the_number_of_pes_changes_no_result(mod, x, num_pe):
    small = eie.compile(mod, HardwareConfig(num_pe=num_pe))
    np.testing.assert_array_equal(eie.run(small, x)[0], eie.run(eie.compile(mod), x)[0])


def test_chain_is_one_program(mod):
    (program,) = programs(eie.compile(mod))
    assert program.layers == ("fc1", "fc2")
    assert (program.inputs, program.outputs) == (24, 10)


def test_bias_column_shares_the_bias_in_the_codebook(mod, x, biases):
    compiled = eie.compile(mod, recipe=Recipe(), arithmetic="float32", bias="column")
    (program,) = programs(compiled)
    assert all(matrix.has_bias_column for matrix in program.matrices)
    assert program.biases == ()
    value = x
    for matrix, bias in zip(program.matrices, biases, strict=True):
        table = matrix.codes()
        shared = matrix.codebook[table[:, -1]]
        # The nearest codebook value, 0 included, for every output.
        best = np.abs(matrix.codebook - bias[:, None]).min(axis=1)
        np.testing.assert_allclose(np.abs(shared - bias), best, rtol=1e-6)
        value = value @ matrix.codebook[table[:, :-1]].T + shared
        value = np.maximum(value, 0) if matrix is program.matrices[0] else value
    np.testing.assert_allclose(eie.run(compiled, x)[0], value, rtol=1e-5, atol=1e-5)


def test_bias_register_is_exact_where_the_column_is_not(mod, x):
    expected = on_llvm(eie.compress(mod), x)[0]
    errors = {
        bias: np.abs(eie.run(eie.compile(mod, arithmetic="float32", bias=bias), x)[0] - expected)
        for bias in ("register", "column")
    }
    assert errors["register"].max() < 1e-4 < errors["column"].max()


def test_int16_bias_column_is_close_to_its_float32(mod, x):
    fixed = eie.compile(mod, calibration=x, bias="column")
    exact = eie.run(eie.compile(mod, arithmetic="float32", bias="column"), x)[0]
    np.testing.assert_allclose(eie.run(fixed, x)[0], exact, atol=2**-8 * np.abs(exact).max())


def test_two_networks_in_one_module():
    mod = eie.from_onnx(two_networks())
    rng = np.random.default_rng(6)
    a, b = (rng.normal(size=s).astype(np.float32) for s in ((3, 12), (2, 20)))
    compiled = eie.compile(mod, recipe=Recipe(), arithmetic="float32")
    layers = [program.layers for program in programs(compiled)]
    assert sorted(layers) == [("a_fc1", "a_fc2"), ("b_fc1", "b_fc2")]
    found = eie.run(compiled, {"b_in": b, "a_in": a})
    for one, expected in zip(found, on_llvm(eie.compress(mod), a, b), strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-5)


def test_host_operations_follow_the_machine(make_mlp, x):
    model = make_mlp(24, 16, 10, batch=4)
    model.graph.node.append(helper.make_node("Softmax", ["y"], ["p"], axis=-1))
    model.graph.output[0].name = "p"
    mod = eie.from_onnx(model)
    compiled = eie.compile(mod, recipe=Recipe(), arithmetic="float32")
    report = eie.profile(compiled, x)
    assert [layer.name for layer in report.layers] == ["fc1", "fc2"]
    np.testing.assert_allclose(report.outputs[0].sum(axis=1), 1, rtol=1e-5)
    expected = on_llvm(eie.compress(mod), x)[0]
    np.testing.assert_allclose(report.outputs[0], expected, rtol=1e-4, atol=1e-6)


def test_host_operation_between_layers_cuts_the_chain(make_mlp, x):
    model = make_mlp(24, 16, 10, batch=4)
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    relu.op_type = "Tanh"
    mod = eie.from_onnx(model)
    compiled = eie.compile(mod, recipe=Recipe(), arithmetic="float32")
    assert sorted(program.layers for program in programs(compiled)) == [("fc1",), ("fc2",)]
    expected = on_llvm(eie.compress(mod), x)[0]
    np.testing.assert_allclose(eie.run(compiled, x)[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(), (1,), (10,), (1, 10), (4, 1), (4, 10)])
def test_constant_of_any_shape_may_be_added(shape):
    rng = np.random.default_rng(9)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "fc"),
        helper.make_node("Add", ["h", "b"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(rng.normal(size=(24, 10)).astype(np.float32), "w"),
        numpy_helper.from_array(np.asarray(rng.normal(size=shape), np.float32), "b"),
    ]
    mod = eie.from_onnx(graph(nodes, {"x": [4, 24]}, {"y": [4, 10]}, weights))
    x = rng.normal(size=(4, 24)).astype(np.float32)
    compiled = eie.compile(mod, recipe=Recipe(), calibration=x)
    assert programs(compiled)[0].layers == ("fc",)
    expected = on_llvm(eie.compress(mod), x)[0]
    np.testing.assert_allclose(eie.run(compiled, x)[0], expected, atol=0.01)


def test_layer_for_the_host_runs_there(make_mlp):
    """A PE with 40 rows of activations holds fc2, not fc1."""
    mod = eie.from_onnx(make_mlp(64, 16, 10, batch=2))
    x = np.random.default_rng(7).normal(size=(2, 64)).astype(np.float32)
    small = HardwareConfig(num_pe=1, act_sram_bytes=80)
    compiled = eie.compile(mod, small, recipe=Recipe(), arithmetic="float32")
    assert [program.layers for program in programs(compiled)] == [("fc2",)]
    expected = on_llvm(eie.compress(mod), x)[0]
    np.testing.assert_allclose(eie.run(compiled, x)[0], expected, rtol=1e-4, atol=1e-4)


def test_a_layer_that_arrives_without_weights(make_mlp, x):
    """Its biases are left."""
    model = make_mlp(24, 16, 10, batch=4)
    weights, bias = (
        next(t for t in model.graph.initializer if t.name == name)
        for name in ("fc2.weight", "fc2.bias")
    )
    weights.CopyFrom(numpy_helper.from_array(np.zeros((10, 16), np.float32), weights.name))
    mod = eie.from_onnx(model)
    compiled = eie.compile(mod, recipe=Recipe(density=0.5), arithmetic="float32")
    expected = np.tile(numpy_helper.to_array(bias), (4, 1))
    np.testing.assert_array_equal(eie.run(compiled, x)[0], expected)


# Calibration


def test_calibrating_before_is_calibrating_in_the_call(mod, x):
    recipe = Recipe(density=0.5)
    together = eie.compile(mod, recipe=recipe, calibration=x)
    before = eie.compile(eie.calibrate(eie.compress(mod, recipe), x))
    assert images(together, record=False) == images(before, record=False)


def test_calibration_may_be_given_by_name_and_in_batches(mod, x):
    more = np.concatenate([x, x / 2])
    assert images(eie.compile(mod, calibration={"x": more})) == images(
        eie.compile(mod, calibration=x)
    )


def test_calibration_is_finer_than_the_default(mod, x):
    expected = on_llvm(eie.compress(mod), x)[0]
    errors = [
        np.abs(eie.run(eie.compile(mod, calibration=data), x)[0] - expected).max()
        for data in (x, None)
    ]
    assert errors[0] < errors[1]


def test_calibrated_inputs_do_not_saturate(mod, x):
    report = eie.profile(eie.compile(mod, calibration=x), x)
    assert set(report.saturations.values()) == {0}


@pytest.mark.filterwarnings("ignore::eie_backend.errors.SaturationWarning")
def test_inputs_far_outside_the_calibration_are_counted(mod, x):
    compiled = eie.compile(mod, calibration=x)
    found = eie.profile(compiled, 1000 * x).saturations
    assert found["input_saturations"] >= 0.9 * x.size
    assert found["output_saturations"] > 0


@pytest.mark.filterwarnings("ignore::eie_backend.NotFiniteWarning")
@pytest.mark.filterwarnings("ignore::eie_backend.errors.SaturationWarning")
def test_saturated_values_stay_at_the_limit(mod, x):
    """The largest input and anything above it give the same result."""
    compiled = eie.compile(mod, calibration=x)
    outputs = [eie.run(compiled, np.full_like(x, value))[0] for value in (1e4, 1e9, np.inf)]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_float32_never_saturates(mod, x):
    report = eie.profile(eie.compile(mod, arithmetic="float32"), 1000 * x)
    assert set(report.saturations.values()) == {0}


# Determinism


def test_same_inputs_give_the_same_image(mod, x):
    recipe = Recipe(density=0.5)
    first, second = (eie.compile(mod, recipe=recipe, calibration=x) for _ in range(2))
    assert images(first) == images(second)


def test_manifest_names_what_it_was_made_from(mod):
    recipe = Recipe(density=0.5)
    (program,) = programs(eie.compile(mod, recipe=recipe))
    assert program.manifest["recipe"] == recipe.to_json()
    assert program.manifest["model_sha256"] == mod.attrs["eie.model_sha256"]
    assert program.manifest["tvm_version"] == tvm.__version__
    other = programs(eie.compile(mod, HardwareConfig(num_pe=2)))[0].manifest
    assert other["config_sha256"] != program.manifest["config_sha256"]


def test_compiling_leaves_the_module_as_it_was(mod, x):
    before = mod.script(show_meta=True)
    eie.compile(mod, recipe=Recipe(density=0.5), calibration=x)
    assert mod.script(show_meta=True) == before


def test_without_a_recipe_weights_are_shared_as_far_as_needed(mod):
    (program,) = programs(eie.compile(mod, arithmetic="float32"))
    for matrix, layer in zip(program.matrices, dense_layers(eie.compress(mod)), strict=True):
        np.testing.assert_array_equal(matrix.codebook[matrix.codes()], layer.weights)


def test_a_wider_codebook_shares_less(mod):
    (program,) = programs(eie.compile(mod, HardwareConfig(codebook_bits=6), arithmetic="float32"))
    sizes = [np.count_nonzero(matrix.codebook) for matrix in program.matrices]
    assert all(15 < size <= 63 for size in sizes)


def test_weights_that_are_few_already_stay_exact(make_mlp):
    model = make_mlp(24, 16)
    weights = model.graph.initializer[0]
    few = np.random.default_rng(8).choice([-1.5, 0, 0.25, 3], (16, 24)).astype(np.float32)
    weights.CopyFrom(numpy_helper.from_array(few, weights.name))
    (program,) = programs(eie.compile(eie.from_onnx(model), arithmetic="float32"))
    (matrix,) = program.matrices
    np.testing.assert_array_equal(matrix.codebook[matrix.codes()], few)
    assert codebook_of(few).size == 4


# Refusals


def test_more_bits_than_the_machine_decodes(mod):
    assert message(eie.compile, mod, recipe=Recipe(bits={"fc1": 5, "fc2": 6})) == (
        "recipe: fc1 has bits=5, fc2 has bits=6; the machine decodes 4 bits: use bits=4 or fewer, "
        "or a HardwareConfig with more codebook_bits"
    )


def test_only_the_layer_with_too_many_bits_is_named(mod):
    found = message(eie.compile, mod, recipe=Recipe(bits={"fc2": 5}))
    assert found.startswith("recipe: fc2 has bits=5; the machine decodes 4 bits")


def test_a_machine_with_more_bits_takes_them(mod):
    (program,) = programs(eie.compile(mod, HardwareConfig(codebook_bits=5), recipe=Recipe(bits=5)))
    assert {matrix.codebook.size for matrix in program.matrices} == {32}


def test_recipe_for_a_layer_that_does_not_exist(mod):
    assert message(eie.compile, mod, recipe=Recipe(density={"conv*": 0.5})) == (
        "recipe: no layer is called 'conv*'; the layers are fc1, fc2"
    )


def test_no_dense_layer():
    relu = helper.make_node("Relu", ["x"], ["y"])
    mod = eie.from_onnx(graph([relu], {"x": [1, 4]}, {"y": [1, 4]}))
    assert message(eie.compile, mod) == (
        "no layer of the model can run on the machine: it has no dense layer; see explain"
    )


def test_no_layer_can_run_for_each_its_reason():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "wide"),
        helper.make_node("MatMul", ["h", "z"], ["y"], "mix"),
    ]
    weights = [numpy_helper.from_array(np.ones((70, 4), np.float32), "w")]
    inputs = {"x": [1, 70], "z": [4, 4]}
    mod = eie.from_onnx(graph(nodes, inputs, {"y": [1, 4]}, weights))
    assert message(eie.compile, mod, HardwareConfig(num_pe=1, act_sram_bytes=128)) == (
        "no layer of the model can run on the machine: "
        "wide: its input and output take 74 rows of activation SRAM; a PE has 64: "
        "raise num_pe or act_sram_bytes; "
        "mix: its weights are not a constant matrix; export the model with weights as initializers"
    )


@pytest.mark.parametrize(
    ("option", "allowed"),
    [
        ({"arithmetic": "int4"}, "float32, int16, int8, int32"),
        ({"bias": "none"}, "register, column"),
    ],
)
def test_unknown_option(mod, option, allowed):
    ((name, value),) = option.items()
    assert message(eie.compile, mod, **option) == (
        f"{name} {value!r} is unknown; choose one of {allowed}"
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (np.zeros((4, 23), np.float32), "input x: shape (4, 23), expected (4, 24) or several of"),
        (np.zeros((6, 24), np.float32), "input x: shape (6, 24), expected (4, 24) or several of"),
        (np.zeros((4, 24), bool), "input x: dtype bool, it must be float32"),
        (
            {"image": np.zeros((4, 24), np.float32)},
            "input image: no such input, leave it out; input x: missing, give it",
        ),
        (np.full((4, 24), np.nan, np.float32), "calibrate: fc1: NaN or infinite activations"),
    ],
    ids=["shape", "batch", "dtype", "name", "nan"],
)
def test_calibration_data_that_does_not_fit(mod, data, expected):
    assert message(eie.compile, mod, calibration=data).startswith(expected)


@pytest.mark.parametrize("tensor", ["fc2.weight", "fc2.bias"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none(make_mlp, tensor, value):
    model = make_mlp(24, 16, 10)
    found = next(t for t in model.graph.initializer if t.name == tensor)
    broken = numpy_helper.to_array(found).copy()
    broken.flat[:3] = value
    found.CopyFrom(numpy_helper.from_array(broken, tensor))
    kind = "weights" if tensor.endswith("weight") else "biases"
    expected = f"fc2: 3 of {broken.size} {kind} are NaN or infinite; repair the model"
    assert message(eie.compile, eie.from_onnx(model)) == expected
