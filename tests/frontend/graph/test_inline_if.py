"""The branch that an If with a constant condition takes becomes a part of the graph."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.fold_shapes import fold_shapes

RNG = np.random.default_rng(0)
W, V = (RNG.normal(0, 1, shape).astype(np.float32) for shape in ((3, 5), (5, 2)))
X = RNG.normal(0, 1, (4, 3)).astype(np.float32)


def branch(nodes, results, *tensors):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results]
    return helper.make_graph(nodes, "branch", [], ends, tensors)


def chosen(condition, outputs, then, other, name="choice"):
    return helper.make_node("If", [condition], outputs, name, then_branch=then, else_branch=other)


def test_names_stay_unless_the_graph_has_them(make_graph, as_onnx_runtime, check_model):
    half = numpy_helper.from_array(np.float32(0.5), "k")
    then = branch(
        [
            helper.make_node("MatMul", ["h", "v"], ["z"], "fc2"),
            helper.make_node("Mul", ["z", "k"], ["r"], "halved"),
        ],
        ["r"],
        half,
    )
    other = branch([helper.make_node("MatMul", ["h", "v"], ["o"], "never")], ["o"])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "fc1"),
        chosen("yes", ["y"], then, other, "first"),
        chosen("yes", ["u"], then, other, "second"),
    ]
    ends = {"y": ("f", None), "u": ("f", None)}
    proto = make_graph(nodes, {"x": ("f", [4, 3])}, ends, w=W, v=V, yes=np.array(True))
    as_onnx_runtime(proto, {"x": X})
    fold_shapes(proto, Context())
    check_model(proto)
    made = [name for node in proto.graph.node for name in node.output]
    assert made == ["h", "z", "y", "second_z", "u"]
    constants = {tensor.name for tensor in proto.graph.initializer}
    assert {"k", "second_k"} <= constants


def test_results_that_no_node_of_the_branch_makes_alone_are_copied(make_graph):
    then = branch([helper.make_node("Relu", ["x"], ["r"], "relu")], ["r", "r", "x"])
    nodes = [chosen("yes", ["a", "b", "c"], then, then)]
    proto = make_graph(nodes, {"x": ("f", [4, 3])}, ["a", "b", "c"], yes=np.array([True]))
    fold_shapes(proto, Context())
    made = [(node.op_type, *node.input, *node.output) for node in proto.graph.node]
    assert made == [("Relu", "x", "a"), ("Identity", "a", "b"), ("Identity", "x", "c")]


def test_an_if_in_an_if(make_graph, as_onnx_runtime):
    inner = branch([helper.make_node("MatMul", ["h", "v"], ["p"], "fc2")], ["p"])
    never = branch([helper.make_node("Neg", ["q"], ["n"], "never")], ["n"])
    then = branch(
        [
            helper.make_node("MatMul", ["h", "v"], ["q"], "q"),
            helper.make_node("Not", ["no"], ["yes"], "not"),
            chosen("yes", ["r"], inner, never, "inner"),
        ],
        ["r"],
    )
    other = branch([helper.make_node("MatMul", ["x", "u"], ["n"], "never")], ["n"])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "fc1"),
        helper.make_node("Not", ["no"], ["true"]),
        chosen("true", ["y"], then, other),
    ]
    constants = {"w": W, "v": V, "u": W[:, :2], "no": np.array(False)}
    proto = make_graph(nodes, {"x": ("f", [4, 3])}, ["y"], **constants)
    mod = as_onnx_runtime(proto, {"x": X})
    assert [row.name for row in eie.explain(mod)] == ["fc1", "fc2"]


def test_a_condition_that_is_an_input_stays(make_graph):
    then = branch([helper.make_node("Relu", ["x"], ["r"])], ["r"])
    proto = make_graph(
        [chosen("c", ["y"], then, then)], {"x": ("f", [4, 3]), "c": ("b", [])}, ["y"]
    )
    fold_shapes(proto, Context())
    assert [node.op_type for node in proto.graph.node] == ["If"]
