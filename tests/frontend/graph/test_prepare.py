"""Passes leave a valid model, whose nodes are called as before."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import eie_backend as eie
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.prepare import PASSES, prepare
from eie_backend.names.onnx_graph import named_nodes

W = np.eye(4, 3, dtype="f")


def node(operator, inputs, outputs="y", name="", **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), name, **attributes)


@pytest.fixture
def network(make_graph):
    """Return a network that every pass changes; two of its nodes have one name."""
    nodes = [
        node("Squeeze", "x", "q", "same", axes=[0]),
        node("Shape", "q", "s", "same"),
        node("Gather", "s i", "g", "pick"),
        node("Concat", "g m", "t", "same", axis=0),
        node("Reshape", "q t", "r", "same"),
        node("MatMul", "r w", "z", "same"),
        node("Softmax", "z", "y", "probabilities", axis=0),
    ]
    constants = {"i": np.array([0]), "m": np.array([-1]), "w": W.astype(np.float16)}
    ends = {"x": ("h", [1, 2, 4])}
    return make_graph(nodes, ends, {"y": ("h", None)}, 11, 6, **constants)


def test_names_stay(network):
    before = [one.name for one in named_nodes(network.graph)]
    after, notes = prepare(network, named_nodes(network.graph), Context())
    kept = [one.name for one in after if not one.name.startswith(("q_", "y_"))]
    assert [name for name in before if name in kept] == kept
    assert kept == ["same", "same_3", "same_4", "probabilities"]
    assert len({one.name for one in after}) == len(after) == len(network.graph.node)
    assert notes == ["what is float16 in it is computed in float32; give x as float32"]


def test_each_pass_leaves_a_valid_model_and_does_nothing_twice(network, check_model):
    for one in PASSES:
        one(network, Context())
        check_model(network)
        before = network.SerializeToString()
        assert one(network, Context()) == []
        assert network.SerializeToString() == before


def test_the_model_that_was_given_stays(network):
    before = network.SerializeToString()
    with pytest.warns(eie.ModelWarning):
        eie.from_onnx(network)
    assert network.SerializeToString() == before


def test_a_layer_in_a_branch_is_called_after_its_weights(make_graph):
    inner = helper.make_graph(
        [node("MatMul", "x encoder.fc1.weight", "h", "product")],
        "branch",
        [],
        [helper.make_tensor_value_info("h", TensorProto.FLOAT, None)],
    )
    nodes = [node("If", "yes", "y", "choice", then_branch=inner, else_branch=inner)]
    constants = {"encoder.fc1.weight": W, "yes": np.array(True)}
    proto = make_graph(nodes, {"x": ("f", [2, 4])}, ["y"], **constants)
    assert [row.name for row in eie.explain(eie.from_onnx(proto))] == ["encoder_fc1"]


def test_large_weights_take_part(tmp_path, make_graph):
    large = np.ones((1024, 512), np.float32)
    nodes = [
        node("Shape", "w", "s"),
        node("Gather", "s i", "n"),
        node("Reshape", "x n", "r", "view"),
        node("MatMul", "r w", "y", "fc"),
    ]
    proto = make_graph(nodes, {"x": ("f", [2, 512])}, ["y"], w=large, i=np.array([0]))
    onnx.save(proto, tmp_path / "m.onnx")
    mod = eie.from_onnx(tmp_path / "m.onnx")
    assert [row.name for row in eie.explain(mod) if row.is_layer] == ["fc"]
