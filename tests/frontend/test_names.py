"""Names of imported layers: one each, and every name of the source leads to its layer."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.frontend.onnx_weights import onnx_layers
from eie_backend.names.find import layers_called
from eie_backend.names.meant import LayerNames
from eie_backend.names.onnx_tensors import named_tensors
from eie_backend.transform.attributes import attributes
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import dense_layers, layer_bindings

SIZE = 3


def weights(seed):
    return np.random.default_rng(seed).normal(size=(SIZE, SIZE)).astype(np.float32)


def model(nodes, constants):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, SIZE])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def matmul(x, tensor, result, name=""):
    return helper.make_node("MatMul", [x, tensor], [result], name)


def layers(mod):
    return {layer.name: layer.aliases for layer in dense_layers(mod)}


def test_the_parameter_names_a_layer_and_what_belongs_to_it():
    gemm = helper.make_node("Gemm", ["x", "net.1.weight", "b"], ["y"], "node_linear")
    mod = eie.from_onnx(model([gemm], {"net.1.weight": weights(0), "b": weights(1)[0]}))
    assert [row.name for row in eie.explain(mod)] == ["net_1", "net_1_add"]
    assert layers(mod) == {"net_1": ("net.1", "node_linear")}
    assert attributes(mod).aliases == layers(mod)


def test_large_weights_name_their_layer_too():
    values = np.zeros((1024, 1024), np.float32)
    values[0, 0] = 1
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "net.1.weight"], ["y"], "node_linear", transB=1)],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1024])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1024])],
        [numpy_helper.from_array(values, "net.1.weight")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert layers(eie.from_onnx(proto.SerializeToString())) == {"net_1": ("net.1", "node_linear")}


def test_a_model_whose_nodes_have_the_names_says_nothing_more(make_mlp):
    mod = eie.from_onnx(make_mlp(4, 3, 2))
    assert attributes(mod).aliases == {}
    assert layers(mod) == {"fc1": (), "fc2": ()}


def test_equal_weights_are_one_layer_with_the_names_of_both():
    nodes = [matmul("x", "a.weight", "h", "one"), matmul("h", "b.weight", "y", "two")]
    mod = eie.from_onnx(model(nodes, {"a.weight": weights(0), "b.weight": weights(0)}))
    assert layers(mod) == {"a": ("one", "b", "two")}


def test_weights_of_two_nodes_are_one_layer():
    nodes = [matmul("x", "a.weight", "h", "one"), matmul("h", "a.weight", "y", "two")]
    mod = eie.from_onnx(model(nodes, {"a.weight": weights(0)}))
    assert layers(mod) == {"a": ("one", "two")}
    assert [row.name for row in eie.explain(mod)] == ["a", "a_1"]


def test_a_sum_answers_to_the_names_of_its_parts():
    nodes = [
        matmul("x", "cell.weight_ih", "p", "one"),
        helper.make_node("Relu", ["x"], ["r"], "relu"),
        matmul("r", "cell.weight_hh", "q", "two"),
        helper.make_node("Add", ["p", "q"], ["y"], "sum"),
    ]
    proto = model(nodes, {"cell.weight_ih": weights(0), "cell.weight_hh": weights(1)})
    mod = DenseForm()(eie.from_onnx(proto))
    assert layers(mod) == {"cell": ("cell_ih", "one", "cell_hh", "two")}
    names = LayerNames(dense_layers(mod))
    for called in ("cell_ih", "one", "two", "cell.weight_hh"):
        assert names.meant(called) == ["cell"]


def test_a_sum_is_not_called_what_leads_to_another_layer():
    """Its parts have "a_b" in common, which is the node's name of the first layer."""
    nodes = [
        matmul("x", "w.weight", "h", "a_b"),
        matmul("h", "a_b.ih.weight", "p"),
        matmul("x", "a_b.hh.weight", "q"),
        helper.make_node("Add", ["p", "q"], ["y"], "sum"),
    ]
    tensors = ("w.weight", "a_b.ih.weight", "a_b.hh.weight")
    proto = model(nodes, {name: weights(n) for n, name in enumerate(tensors)})
    found = layers(DenseForm()(eie.from_onnx(proto)))
    assert layers_called("a_b.hh", found) == ["a_b_ih"]
    assert layers_called("w.weight", found) == layers_called("a_b", found) == ["w"]


NAMES = ["", "a", "a_b", "a.b", "a_b_1", "x", "h0", "0", "b_a"]
TENSORS = ["w", "v", "a.weight", "a.b.weight", "a_b.weight", "x.weight", "b.a.weight", "0.weight"]
node = st.tuples(
    st.sampled_from(["MatMul", "Relu", "Sum"]), st.sampled_from(NAMES), st.sampled_from(TENSORS)
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(node, min_size=1, max_size=6), st.sampled_from([0, 3]))
@example([("MatMul", "a_b", "w"), ("MatMul", "a_b", "a_b.weight"), ("Sum", "", "a_b.weight")], 0)
def test_any_mixture_of_names(rows, equal):
    """Nodes' and tensors' names, layers that are merged, equal and used twice: each has one."""
    nodes, value = [], "x"
    for number, (operator, name, tensor) in enumerate(rows):
        result = f"h{number}"
        if operator == "Relu":
            nodes.append(helper.make_node("Relu", [value], [result], name))
        else:
            nodes.append(matmul(value, tensor, result, name))
        if operator == "Sum":
            other = TENSORS[TENSORS.index(tensor) - 1]
            nodes.append(matmul("x", other, f"q{number}", f"{name}q"))
            nodes.append(helper.make_node("Add", [result, f"q{number}"], [f"s{number}"]))
            result = f"s{number}"
        value = result
    nodes.append(helper.make_node("Identity", [value], ["y"], "last"))
    used = dict.fromkeys(name for one in nodes for name in one.input if name in TENSORS)
    proto = model(nodes, {name: weights(max(n - equal, 0)) for n, name in enumerate(used)})
    mod = eie.from_onnx(proto)
    variables = [binding.var.name for binding, _ in layer_bindings(mod)]
    assert len({*variables, "x"}) == len(variables) + 1
    for made in (mod, DenseForm()(mod)):
        found = layers(made)
        assert len(found) == len(dense_layers(made))
        for name, others in found.items():
            assert layers_called(name, found) == [name]
            assert all(name in layers_called(other, found) for other in others)
    if equal:
        return  # equal products are computed once
    # What is only read has the names of what is imported, and every tensor leads to its layer.
    assert {layer.name for layer in onnx_layers(proto)} <= {*variables}
    found = layers(mod)
    for tensor in used:
        name = named_tensors(proto.graph)[tensor].name
        assert name in found
        assert name in layers_called(tensor, found)


@pytest.mark.parametrize("again", [eie.compress, DenseForm()])
def test_passes_keep_the_names(again):
    nodes = [matmul("x", "a.b.weight", "h", "one"), matmul("h", "a_b.weight", "y", "two")]
    mod = eie.from_onnx(model(nodes, {"a.b.weight": weights(0), "a_b.weight": weights(1)}))
    expected = {"a_b": ("a.b", "one"), "a_b_1": ("a_b.weight", "two")}
    assert layers(mod) == layers(again(mod)) == expected
    assert layers_called("a_b.weight", expected) == ["a_b_1"]
    assert layers_called("a.b.weight", expected) == ["a_b"]
