"""Nodes of ONNX graphs: each has a name of its own, a layer that of its parameter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import GraphProto, TensorProto, helper, numpy_helper

from eie_backend.names.onnx_graph import SCOPES, named_nodes
from eie_backend.names.onnx_tensors import named_tensors

INPUT = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])


def graph(*nodes, tensors=("w", "v"), inputs=(INPUT,)):
    values = np.ones((4, 4), np.float32)
    weights = [numpy_helper.from_array(values, name) for name in tensors]
    return helper.make_graph(nodes, "graph", inputs, [], weights)


def node(operator, inputs, output, name="", scopes=None):
    made = helper.make_node(operator, inputs.split(), output.split(), name)
    if scopes is not None:
        made.metadata_props.add(key=SCOPES, value=repr(scopes))
    return made


def layers(made, weights=()):
    return {
        n.name: (n.tensor, *n.aliases) for n in named_nodes(made, weights) if n.tensor is not None
    }


def test_a_layer_has_the_name_of_its_parameter():
    made = graph(
        node("Gemm", "x net.1.weight b", "h", "node_linear"),
        node("Relu", "h", "r", "node_relu"),
        node("MatMul", "r w", "y", "node_linear_1"),
        tensors=["net.1.weight", "b", "w"],
    )
    assert [one.name for one in named_nodes(made)] == ["net_1", "node_relu", "node_linear_1"]
    assert layers(made) == {
        "net_1": ("net.1.weight", "net.1", "node_linear"),
        "node_linear_1": ("w", "w"),
    }


def test_weights_may_be_outside_the_graph():
    made = graph(node("Gemm", "x net.1.weight", "y", "node_linear"), tensors=[])
    assert layers(made, ["net.1.weight"]) == {"net_1": ("net.1.weight", "net.1", "node_linear")}
    assert layers(made) == {}


def test_weights_behind_other_nodes():
    made = graph(
        node("Transpose", "fc.weight", "t"),
        node("Cast", "t", "c"),
        node("MatMul", "x c", "h", "first"),
        node("MatMul", "a.weight h", "g", "left"),
        node("Concat", "q.weight k.weight", "qk"),
        node("MatMul", "g qk", "y", "joined"),
        tensors=["fc.weight", "a.weight", "q.weight", "k.weight"],
    )
    assert layers(made) == {
        "fc": ("fc.weight", "first"),
        "a": ("a.weight", "left"),
        "joined": ("",),
    }


def test_weights_of_several_nodes():
    made = graph(
        node("MatMul", "x fc.weight", "h", "one"),
        node("MatMul", "h fc.weight", "y", "two"),
        tensors=["fc.weight"],
    )
    assert layers(made) == {"fc": ("fc.weight", "one"), "fc_1": ("fc.weight", "two")}


def test_a_module_names_its_only_layer():
    made = graph(
        node("MatMul", "x val_1", "h", "node_MatMul_1", ["", "head", "linear"]),
        node("MatMul", "h val_2", "i", "node_MatMul_2", ["", "attention", "linear_1"]),
        node("MatMul", "i val_3", "j", "node_MatMul_3", ["", "attention", "linear_2"]),
        node("MatMul", "i j", "k", "node_MatMul_4", ["", "scores", "matmul"]),
        node("MatMul", "k val_4", "l", "node_MatMul_5", ["", "matmul_1"]),
        node("MatMul", "l val_5", "y", "node_MatMul_6", [""]),
        tensors=[f"val_{n}" for n in range(1, 6)],
    )
    assert [one.name for one in named_nodes(made)] == [
        "head",
        *(f"node_MatMul_{n}" for n in range(2, 7)),
    ]
    assert layers(made)["head"] == ("val_1", "val_1", "node_MatMul_1")
    assert layers(made)["node_MatMul_2"] == ("val_2", "val_2", "attention")


def test_a_parameter_has_its_name_even_if_another_node_has_it():
    made = graph(
        node("Relu", "x", "r", "a_b"),
        node("MatMul", "r a.b.weight", "h", "first"),
        node("MatMul", "h a_b.weight", "y", "second"),
        tensors=["a.b.weight", "a_b.weight"],
    )
    assert [one.name for one in named_nodes(made)] == ["a_b_2", "a_b", "a_b_1"]
    assert layers(made) == {
        "a_b": ("a.b.weight", "a.b", "first"),
        "a_b_1": ("a_b.weight", "a_b", "a_b.weight", "second"),
    }


def test_a_layer_has_not_the_name_of_an_input():
    made = graph(node("MatMul", "x x.weight", "y", "product"), tensors=["x.weight"])
    assert [one.name for one in named_nodes(made)] == ["x_1"]


def test_constants_have_no_inputs():
    """A product of constants is none of the layers."""
    made = graph(
        node("Constant", "", "c"),
        node("MatMul", "c w", "d", "folded"),
        node("MatMul", "x d", "y", "one"),
    )
    assert layers(made) == {"one": ("",)}


names = st.sampled_from(["", "a", "a_b", "a.b", "a/b", "a_b_1", "x", "größe", "0"])
tensors = st.sampled_from(["a.weight", "a.b.weight", "a_b.weight", "w", "a_b_1.weight", "x.weight"])


@given(st.lists(st.tuples(st.sampled_from(["MatMul", "Relu"]), names, tensors), max_size=9))
def test_no_two_names_are_equal(nodes):
    made = GraphProto()
    for number, (operator, name, tensor) in enumerate(nodes):
        inputs = "x" if operator == "Relu" else f"x {tensor}"
        made.node.append(node(operator, inputs, f"v{number}", name))
    made.input.append(INPUT)
    for tensor in dict.fromkeys(tensor for _, _, tensor in nodes):
        made.initializer.append(numpy_helper.from_array(np.ones((2, 2), np.float32), tensor))
    found = [one.name for one in named_nodes(made)]
    assert len({*found, "x"}) == len(found) + 1
    assert all(name.isidentifier() for name in found)
    called = [one.name for one in named_tensors(made).values()]
    assert len({*called}) == len(called) == len(made.initializer)


# Tensors


def test_tensors_have_the_names_of_their_layers():
    made = graph(
        node("Gather", "emb.weight i", "e", "embed"),
        node("Conv", "x c.weight", "f", "node_conv2d"),
        node("MatMul", "f val_3", "h", "node_MatMul"),
        node("LSTM", "h W R", "y", "node_lstm"),
        tensors=["emb.weight", "i", "c.weight", "val_3", "W", "R", "c.bias"],
    )
    assert {n: (t.name, t.kind, *t.aliases) for n, t in named_tensors(made).items()} == {
        "c.weight": ("c", "@conv", "node_conv2d", "c.weight"),
        "val_3": ("node_MatMul", "@dense", "val_3"),
        "emb.weight": ("emb", "", "emb.weight"),
        "i": ("i", "@dense", "embed", "i"),
        "W": ("W", "@dense", "node_lstm", "W"),
        "R": ("R", "", "R"),
        "c.bias": ("c.bias", "", "c.bias"),
    }


def test_tensors_without_a_graph():
    found = named_tensors(graph(tensors=["fc.weight", "fc.bias", "lstm.weight_ih_l0", "k"]))
    assert [one.name for one in found.values()] == ["fc", "fc.bias", "lstm_ih_l0", "k"]


def test_a_graph_without_sense_has_names():
    made = GraphProto()
    made.node.add(op_type="MatMul")
    made.node.add(op_type="Gemm", input=["", "", "w"])
    made.node.add(op_type="Conv", input=["y", "w"], name="\n")
    made.initializer.add(name="w")
    made.initializer.add(name="w")
    assert len({one.name for one in named_nodes(made)}) == 3
    assert [*named_tensors(made)] == ["w"]


@pytest.mark.parametrize("scopes", ["", "[", "'", "['a'", 7 * "["])
def test_scopes_that_are_none(scopes):
    made = node("MatMul", "x w", "y", "one")
    made.metadata_props.add(key=SCOPES, value=scopes)
    assert [one.name for one in named_nodes(graph(made))] == ["one"]
