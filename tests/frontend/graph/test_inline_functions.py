"""Operators without a converter become what ONNX says that they are made of."""

import numpy as np
import onnx
import pytest
from on_llvm import on_llvm
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.frontend import register_onnx_operator, unregister_onnx_operator
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.inline_functions import inline_functions, write_defaults

X = np.random.default_rng(0).normal(size=(1, 2, 3, 4)).astype(np.float32)
ORG = "org.example"


def model(*nodes, inputs=("x",), results=("y",), opset=23, functions=(), kind=TensorProto.FLOAT):
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, X.shape) for name in inputs]
    outputs = [helper.make_tensor_value_info(name, kind, None) for name in results]
    graph = helper.make_graph(nodes, "test", infos, outputs)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(ORG, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, functions=functions)


def operators(proto):
    return [node.op_type for node in proto.graph.node]


def inlined(proto, foreign=()):
    write_defaults(proto)
    assert inline_functions(proto, Context(foreign=frozenset(foreign))) == []
    return operators(proto)


def assert_as_reference(proto, **feeds):
    mod = eie.from_onnx(proto)
    (found,) = on_llvm(mod, *feeds.values())
    (wanted,) = ReferenceEvaluator(proto).run(None, feeds)
    np.testing.assert_allclose(found, wanted, 1e-4, 1e-5)


# Accepted


def test_a_functions_own_nodes_take_its_place():
    proto = model(helper.make_node("Celu", ["x"], ["y"], "celu", alpha=0.5))
    assert_as_reference(proto, x=X)
    found = inlined(proto)
    assert "Celu" not in found
    assert "Elu" in found


def test_an_attribute_that_is_left_out_has_its_default():
    assert_as_reference(model(helper.make_node("Celu", ["x"], ["y"])), x=X)


def test_attention_whose_body_depends_on_types_and_an_optional_input():
    node = helper.make_node("Attention", ["q", "k", "v"], ["y"], "attention", is_causal=1)
    assert_as_reference(model(node, inputs="qkv"), q=X, k=X + 1, v=X * 2)
    masked = helper.make_node("Attention", ["q", "k", "v", "", "p", "p"], ["y", "a", "b"])
    proto = model(masked, inputs="qkvp")
    assert "Attention" not in inlined(proto)


def test_a_function_of_the_model_itself_and_in_one():
    def function(name, *nodes):
        opsets = [helper.make_opsetid("", 23), helper.make_opsetid(ORG, 1)]
        return helper.make_function(ORG, name, ["a"], ["b"], nodes, opsets)

    inner = function("Inner", helper.make_node("Neg", ["a"], ["b"]))
    outer = function(
        "Outer",
        helper.make_node("Inner", ["a"], ["c"], domain=ORG),
        helper.make_node("Celu", ["c"], ["b"]),
    )
    node = helper.make_node("Outer", ["x"], ["y"], domain=ORG)
    proto = model(node, functions=[inner, outer])
    assert_as_reference(proto, x=X)
    assert {"Outer", "Inner", "Celu"}.isdisjoint(inlined(proto))


# Left alone


@pytest.mark.parametrize("operator", ["Relu", "LayerNormalization", "Resize"])
def test_what_somebody_converts(operator):
    inputs = ["x"] if operator == "Relu" else ["x", "s"]
    proto = model(helper.make_node(operator, inputs, ["y"]), inputs=inputs)
    assert inlined(proto) == [operator]


def test_what_has_a_registered_converter():
    proto = model(helper.make_node("Celu", ["x"], ["y"]))
    assert inlined(proto, ["Celu"]) == ["Celu"]
    register_onnx_operator("Celu", lambda _builder, inputs, _attributes: inputs[0])
    try:
        mod = eie.from_onnx(proto, verify=False)
        assert "relax.exp" not in mod.script()
    finally:
        unregister_onnx_operator("Celu")


def test_an_operator_without_a_body():
    proto = model(
        helper.make_node("BitCast", ["x"], ["y"], "bits", to=TensorProto.INT32),
        opset=26,
        kind=TensorProto.INT32,
    )
    assert inlined(proto) == ["BitCast"]
    with pytest.raises(ModelError, match="does not have BitCast"):
        eie.from_onnx(proto)


def test_an_operator_that_nobody_has_in_a_model_that_onnx_infers_wrongly():
    """ONNX's inference takes this STFT to have a frame more than it has."""
    nodes = [
        helper.make_node("STFT", ["x", "step", "window"], ["frames"], "stft"),
        helper.make_node("Add", ["frames", "bias"], ["y"], "add"),
    ]
    values = {
        "step": np.int64(160),
        "window": np.ones(400, np.float32),
        "bias": np.ones((1, 7, 3, 2), np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 400, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    with pytest.raises(ModelError, match=r"does not have STFT \(node 'stft'\)"):
        eie.from_onnx(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))


def test_a_body_with_an_operator_that_nobody_has():
    nodes = [helper.make_node("Celu", ["x"], ["p"]), helper.make_node("Bernoulli", ["p"], ["y"])]
    assert "Bernoulli" in inlined(model(*nodes))
    assert "Celu" not in inlined(model(*nodes))
    with pytest.raises(ModelError, match=r"does not have Bernoulli \(node 'y'\); export"):
        eie.from_onnx(model(*nodes))


def test_an_operator_of_another_domain_with_the_name_of_onnx_s():
    node = helper.make_node("Celu", ["x"], ["y"], domain=ORG)
    assert inlined(model(node)) == ["Celu"]
    with pytest.raises(ModelError, match=r"does not have org\.example::Celu"):
        eie.from_onnx(model(node))
    relu = model(helper.make_node("Relu", ["x"], ["y"], domain=ORG))
    with pytest.raises(ModelError, match=r"does not have org\.example::Relu"):
        eie.from_onnx(relu)


def test_what_is_of_no_type():
    proto = model(helper.make_node("Celu", ["x"], ["y"]))
    proto.graph.node[0].attribute.append(onnx.helper.make_attribute("alpha", "text"))
    with pytest.raises(ModelError):
        eie.from_onnx(proto)
