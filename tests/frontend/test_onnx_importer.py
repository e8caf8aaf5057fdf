"""Variables have the names of their ONNX nodes; TVM's own importer is the oracle for the rest."""

import numpy as np
import pytest
from on_llvm import on_llvm
from onnx import TensorProto, helper, numpy_helper
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_importer import import_onnx
from eie_backend.transform.normalize import Normalize


def model(nodes, inputs, outputs, weights=()):
    infos = [
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in values.items()]
        for values in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in weights]
    graph = helper.make_graph(nodes, "graph", *infos, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def ones(*shape):
    return np.ones(shape, np.float32)


def names(proto):
    mod = Normalize()(import_onnx(proto))
    found = [b for block in mod["main"].body.blocks for b in block.bindings]
    return {b.var.name: b.value.op.name for b in found if isinstance(b.value, relax.Call)}


# Named


def test_a_layer_has_the_name_and_its_bias_one_after_it():
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], "/fc1/Gemm")]
    proto = model(nodes, {"x": [2, 4]}, {"y": [2, 3]}, [("w", ones(4, 3)), ("b", ones(3))])
    assert names(proto) == {"fc1_Gemm": "relax.matmul", "fc1_Gemm_add": "relax.add"}


def test_a_convolution_has_the_name_and_its_bias_one_after_it():
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["y"], "conv")]
    weights = [("w", ones(3, 1, 3, 3)), ("b", ones(3))]
    found = names(model(nodes, {"x": [1, 1, 4, 4]}, {"y": [1, 3, 2, 2]}, weights))
    assert found["conv"] == "relax.nn.conv2d"
    assert found["conv_add"] == "relax.add"


def test_the_result_of_an_operator_of_the_host_has_the_name():
    nodes = [
        helper.make_node("MaxPool", ["x"], ["p"], "/pool/MaxPool", kernel_shape=[2, 2]),
        helper.make_node("Softmax", ["p"], ["y"], "12"),
    ]
    found = names(model(nodes, {"x": [1, 1, 4, 4]}, {"y": [1, 1, 3, 3]}))
    assert found == {"pool_MaxPool": "relax.nn.max_pool2d", "layer_12": "relax.nn.softmax"}


def test_what_a_node_uses_twice_is_bound_once():
    nodes = [helper.make_node("Gelu", ["x"], ["y"], "gelu", approximate="tanh")]
    proto = model(nodes, {"x": [2, 4]}, {"y": [2, 4]})
    proto.opset_import[0].version = 20
    named, plain = (
        [b for block in Normalize()(mod)["main"].body.blocks for b in block.bindings]
        for mod in (import_onnx(proto), from_onnx(proto))
    )
    assert len(named) == len(plain)


def test_a_node_without_a_name_takes_that_of_its_result():
    nodes = [helper.make_node("Relu", ["x"], ["r.1"]), helper.make_node("Tanh", ["r.1"], ["y"])]
    found = names(model(nodes, {"x": [2, 4]}, {"y": [2, 4]}))
    assert found == {"r_1": "relax.nn.relu", "y": "relax.tanh"}


# Left alone


def branch(operator, result):
    info = helper.make_tensor_value_info(result, TensorProto.FLOAT, [2, 2])
    node = helper.make_node(operator, ["x"], [result], f"inner_{operator}")
    return helper.make_graph([node], operator, [], [info])


def test_the_nodes_inside_a_branch():
    node = helper.make_node(
        "If",
        ["c"],
        ["y"],
        "choose",
        then_branch=branch("Relu", "a"),
        else_branch=branch("Tanh", "b"),
    )
    proto = model([node], {"x": [2, 2]}, {"y": [2, 2]})
    proto.graph.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, []))
    assert not any("inner" in name for name in names(proto))
    blocks = import_onnx(proto)["main"].body.blocks
    values = {b.var.name: b.value for block in blocks for b in block.bindings}
    assert isinstance(values["choose"], relax.If)


# The same network


@pytest.mark.parametrize("operator", ["Gelu", "HardSwish", "LeakyRelu", "Erf"])
def test_values_are_those_of_the_importer_without_names(operator):
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["g"], "fc", alpha=0.5, beta=2.0),
        helper.make_node(operator, ["g"], ["a"], "act"),
        helper.make_node("Concat", ["a", "g"], ["c"], "join", axis=1),
        helper.make_node("ReduceMean", ["c"], ["y"], "mean", axes=[1]),
    ]
    weights = [("w", np.arange(12, dtype=np.float32).reshape(4, 3) / 7), ("b", ones(3))]
    proto = model(nodes, {"x": [2, 4]}, {"y": [2, 1]}, weights)
    if operator == "Gelu":
        proto.opset_import[0].version = 20
        del proto.graph.node[3].attribute[:]
    x = np.linspace(-2, 2, 8, dtype=np.float32).reshape(2, 4)
    results = [on_llvm(mod, x) for mod in (import_onnx(proto), from_onnx(proto))]
    np.testing.assert_array_equal(*results)


# Refused


def test_a_shape_is_no_result():
    nodes = [helper.make_node("Shape", ["x"], ["s"], "size")]
    proto = model(nodes, {"x": [2, 4]}, {"s": [2]})
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    with pytest.raises(ModelError, match=r"^output 's' is no tensor but a shape"):
        import_onnx(proto)  # `from_onnx` makes a constant of it before
