"""Matrices of an ONNX model's layers: those of the imported layers, and back without loss."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.frontend.onnx_weights import matrices, onnx_layers, with_matrices
from eie_backend.transform.attributes import with_attributes
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import dense_layers


def model(nodes, weights, shape, result):
    rng = np.random.default_rng(0)
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
        [
            numpy_helper.from_array(rng.normal(size=size).astype(np.float32), name)
            for name, size in weights.items()
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def network():
    """Return convolutions in one to three dimensions with and without groups, and both products."""
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], "/conv/0", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["c", "g", "b"], ["d"], "grouped", group=2, strides=[2, 2]),
        helper.make_node("Flatten", ["d"], ["f"], "flat"),
        helper.make_node("MatMul", ["f", "v"], ["h"]),
        helper.make_node("Gemm", ["h", "w"], ["u"], "straight"),
        helper.make_node("Gemm", ["u", "t", "z"], ["y"], "transposed", transB=1),
    ]
    weights = {
        "k": (6, 3, 3, 3),
        "g": (8, 3, 2, 2),
        "b": (8,),
        "v": (32, 7),
        "w": (7, 5),
        "t": (4, 5),
        "z": (4,),
    }
    return model(nodes, weights, [2, 3, 4, 4], [2, 4])


def imported(proto):
    mod = DenseForm()(with_attributes(eie.from_onnx(proto), winograd="never"))
    return {layer.name: layer for layer in dense_layers(mod)}


def test_names_and_matrices_are_those_of_the_imported_layers():
    found = onnx_layers(network())
    layers = imported(network())
    assert [layer.name for layer in found] == list(layers)
    for name, matrix in matrices(network(), found).items():
        np.testing.assert_array_equal(matrix, layers[name].weights)
        assert found[list(layers).index(name)].groups == layers[name].groups
    assert [layer.bias for layer in found] == ["", "b", "", "", "z"]


def test_matrices_go_back_without_loss():
    proto = network()
    found = onnx_layers(proto)
    assert with_matrices(proto, found, matrices(proto, found)) == proto


def test_changed_matrices_are_the_layers_of_the_changed_model():
    proto = network()
    found = onnx_layers(proto)
    changed = {name: np.float32(2) * matrix for name, matrix in matrices(proto, found).items()}
    del changed["straight"]
    layers = imported(with_matrices(proto, found, changed))
    for name, matrix in matrices(proto, found).items():
        scale = 1 if name == "straight" else 2
        np.testing.assert_array_equal(layers[name].weights, scale * matrix)


def test_equal_names_are_numbered():
    nodes = [
        helper.make_node("MatMul", ["x", "v"], ["h"], "fc/1"),
        helper.make_node("MatMul", ["h", "w"], ["y"], "fc.1"),
    ]
    proto = model(nodes, {"v": (3, 3), "w": (3, 4)}, [2, 3], [2, 4])
    assert [layer.name for layer in onnx_layers(proto)] == ["fc_1", "fc_1_1"]
    assert list(imported(proto)) == ["fc_1", "fc_1_1"]


@pytest.mark.parametrize(
    "nodes",
    [
        # 1. weights of two nodes
        [
            helper.make_node("MatMul", ["x", "w"], ["h"], "one"),
            helper.make_node("MatMul", ["h", "w"], ["y"], "two"),
        ],
        # 2. weights that are computed
        [
            helper.make_node("Add", ["w", "w"], ["v"], "sum"),
            helper.make_node("MatMul", ["x", "v"], ["y"], "one"),
        ],
        # 3. weights on the left
        [helper.make_node("MatMul", ["w", "x"], ["y"], "one")],
    ],
)
def test_left_alone(nodes):
    assert onnx_layers(model(nodes, {"w": (3, 3)}, [3, 3], [3, 3])) == []
