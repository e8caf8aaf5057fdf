"""A recipe keeps layers on the host: they compute with the weights that they have, and say so."""

import json

import numpy as np
import onnxruntime
import pytest
import tvm
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend import Recipe
from eie_backend.codegen.library import programs
from eie_backend.compiler import prepare
from eie_backend.compress import compress
from eie_backend.compress.steps import compression_steps
from eie_backend.errors import ModelError, RecipeError
from eie_backend.transform.attributes import attributes
from eie_backend.transform.convolution import is_convolution
from eie_backend.transform.layers import layer_bindings

RNG = np.random.default_rng(0)
REASON = "the recipe keeps it on the host"


def few(*shape):
    """Return weights of seven values, which fit the codebook as they are."""
    return RNG.integers(-3, 4, shape).astype(np.float32)


def many(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def model(nodes, tensors, x, y):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, y)],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def chain(first, second):
    """Return two layers with a ReLU between them, named by their weights."""
    nodes = [
        helper.make_node("Gemm", ["x", "net.one.weight", "b"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "net.two.weight"], ["y"]),
    ]
    tensors = {"net.one.weight": first, "b": many(16), "net.two.weight": second}
    return model(nodes, tensors, (4, 24), (4, 10))


def picture(first):
    """Return a 3x3 convolution that Winograd's algorithm can split, and a layer after it."""
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight", "b"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("MatMul", ["f", "head.weight"], ["y"]),
    ]
    tensors = {"conv.weight": first, "b": many(6), "head.weight": few(6 * 64, 5)}
    return model(nodes, tensors, (1, 4, 8, 8), (1, 5))


def twice(weights):
    """Return a layer that is used twice, and one after it."""
    nodes = [
        helper.make_node("MatMul", ["x", "same.weight"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "same.weight"], ["h2"]),
        helper.make_node("MatMul", ["h2", "last.weight"], ["y"]),
    ]
    return model(nodes, {"same.weight": weights, "last.weight": few(8, 3)}, (2, 8), (2, 3))


CASES = {
    "the first": (chain(many(24, 16), few(16, 10)), {"net_one": "host"}, ["net_two"]),
    "the last": (chain(few(24, 16), many(16, 10)), {"*two": "host"}, ["net_one"]),
    "by another name": (chain(many(24, 16), few(16, 10)), {"net.one": "host"}, ["net_two"]),
    "but one": (
        chain(many(24, 16), few(16, 10)),
        {"net_two": "machine", "*": "host"},
        ["net_two"],
    ),
    "a convolution": (picture(many(6, 4, 3, 3)), {"conv": "host"}, ["head"]),
    "all convolutions": (picture(many(6, 4, 3, 3)), {"@conv": "host"}, ["head"]),
    "all but convolutions": (picture(few(6, 4, 3, 3)), {"@dense": "host"}, ["conv"]),
    "one of two uses": (twice(many(8, 8)), {"same": "host"}, ["last"]),
}


def shape_of(proto):
    return [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim]


def layers_on_machine(executable):
    return [layer for program in programs(executable) for layer in program.layers]


WAYS = [(case, "never") for case in CASES]
WAYS += [("a convolution", "always"), ("all convolutions", "always")]


@pytest.mark.parametrize(("case", "winograd"), WAYS)
def test_results_are_those_of_onnx_runtime(case, winograd):
    """Weights of many values are as they were: shared, they would be far off."""
    proto, runs_on, on_machine = CASES[case]
    recipe = Recipe(runs_on=runs_on)
    mod = eie.from_onnx(proto)
    library = eie.compile(mod, recipe=recipe, arithmetic="float32", winograd=winograd)
    assert layers_on_machine(library) == on_machine
    x = many(*shape_of(proto))
    (found,) = eie.run(library, x)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    np.testing.assert_allclose(found, session.run(None, {"x": x})[0], rtol=1e-4, atol=1e-4)


def test_without_it_they_are_far_off():
    proto, _, _ = CASES["a convolution"]
    library = eie.compile(eie.from_onnx(proto), arithmetic="float32", recipe=Recipe())
    x = many(*shape_of(proto))
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    error = np.abs(eie.run(library, x)[0] - session.run(None, {"x": x})[0])
    assert error.max() > 0.01


@pytest.mark.parametrize(
    ("case", "winograd"),
    [("the first", "auto"), ("a convolution", "always"), ("one of two uses", "auto")],
)
def test_everyone_says_so(case, winograd):
    proto, runs_on, on_machine = CASES[case]
    recipe = Recipe(density=0.5, runs_on=runs_on)
    mod = eie.from_onnx(proto)
    # `explain` knows of no recipe, but a module remembers one.
    assert REASON not in {row.reason for row in eie.explain(mod)}
    small = compress(mod, recipe, winograd=winograd)
    told = [row for row in eie.explain(small) if row.reason == REASON]
    # The part of the model, not of its dense form.
    assert {row.name for row in told} >= {*attributes(small).on_host}
    assert {row.runs_on for row in told} == {"host"}
    assert all(row.is_layer for row in told)
    library = eie.compile(mod, recipe=recipe, winograd=winograd)
    nodes = json.loads(_manifest(library)["graph"])
    assert {node["name"] for node in nodes if node["reason"] == REASON} == {
        row.name for row in told
    }
    with pytest.raises(ModelError, match=rf"strict: \d layers? would stay .*: {REASON}"):
        eie.compile(mod, recipe=recipe, strict=True, winograd=winograd)
    assert layers_on_machine(eie.compile(small)) == layers_on_machine(library) == on_machine


def _manifest(library):
    return programs(library)[0].manifest


def test_it_is_neither_pruned_nor_shared():
    first, second = many(24, 16), many(16, 10)
    recipe = Recipe(density=0.25, runs_on={"net_one": "host"}, bits={"net_one": 8, "*": 4})
    mod = eie.from_onnx(chain(first, second))
    for step in compression_steps(mod, recipe):
        found = {layer.name: layer.weights for layer in step.layers}
        np.testing.assert_array_equal(found["net_one"], first.T)
        assert {row.layer: row.relative_error for row in step.drift}["net_one"] == 0
        assert np.count_nonzero(found["net_two"]) == 40
    assert np.unique(found["net_two"]).size == 16
    # Its 8 bits, which the machine does not decode, are no fault.
    prepared = prepare(mod, None, recipe, many(4, 24))
    assert attributes(prepared).on_host == ("net_one",)


@pytest.mark.parametrize("case", ["a convolution", "by another name"])
def test_a_module_remembers_it(case):
    """Also as text, in TVM's own entry, and when the same recipe comes again."""
    proto, runs_on, on_machine = CASES[case]
    recipe = Recipe(runs_on=runs_on)
    small = compress(eie.from_onnx(proto), recipe, winograd="always")
    (name,) = attributes(small).on_host
    again = tvm.ir.load_json(tvm.ir.save_json(small))
    x = many(*shape_of(proto))
    (wanted,) = eie.run(eie.compile(small, arithmetic="float32"), x)
    for library in (
        eie.compile(again, arithmetic="float32"),
        eie.compile(small, recipe=recipe, arithmetic="float32"),
        eie.compile(small, recipe={"density": {name: 0.5}}, arithmetic="float32"),  # no fault
        tvm.compile(small.with_attr("eie.arithmetic", "float32"), target=eie.target()),
    ):
        assert layers_on_machine(library) == on_machine
        np.testing.assert_array_equal(eie.run(library, x)[0], wanted)


def test_a_convolution_stays_one():
    small = compress(eie.from_onnx(CASES["a convolution"][0]), Recipe(runs_on={"conv": "host"}))
    kinds = {
        binding.var.name: is_convolution(binding.value) for binding, _ in layer_bindings(small)
    }
    assert kinds == {"conv": True, "head": False}


def test_orders_that_balance_leave_it_alone():
    proto = chain(many(24, 16), few(16, 10))
    mod, x = eie.from_onnx(proto), many(4, 24)
    recipe = Recipe(runs_on={"net_one": "host"})
    given = {"recipe": recipe, "calibration": x, "arithmetic": "float32"}
    (plain,) = eie.run(eie.compile(mod, **given), x)
    (ordered,) = eie.run(eie.compile(mod, balance="on", **given), x)
    np.testing.assert_allclose(ordered, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("runs_on", "message"),
    [
        ({"nobody": "host"}, r"no layer is called 'nobody'; the layers are net_one, net_two"),
        ({"net_one": "gpu"}, r"runs_on\['net_one'\] = 'gpu' is not one of machine, host"),
        (7, "runs_on = 7 is not one of machine, host"),
    ],
)
def test_what_makes_no_sense_is_refused(runs_on, message):
    mod = eie.from_onnx(chain(many(24, 16), few(16, 10)))
    for take in (compress, lambda mod, recipe: eie.compile(mod, recipe=recipe)):
        with pytest.raises(RecipeError, match=message):
            take(mod, {"runs_on": runs_on})


def test_unknown_names_are_refused_beside_a_convolution_that_stays():
    mod = eie.from_onnx(CASES["a convolution"][0])
    with pytest.raises(RecipeError, match="no layer is called 'nobody'; the layers are head, conv"):
        compress(mod, {"runs_on": {"conv": "host", "nobody": "host"}})


def test_a_machine_without_a_layer_is_none():
    mod = eie.from_onnx(chain(many(24, 16), few(16, 10)))
    with pytest.raises(ModelError, match=rf"no layer .*: net_one: {REASON}; net_two: {REASON}"):
        eie.compile(mod, recipe={"runs_on": "host"})
