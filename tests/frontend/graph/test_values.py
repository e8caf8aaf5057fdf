"""An input that is bound to a value is a constant, and what it decides is decided."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import eie_backend as eie
from eie_backend.errors import ModelError

W, V = (np.random.default_rng(seed).normal(0, 1, (6, 5)).astype(np.float32) for seed in (0, 1))
X = np.linspace(-1, 1, 6, dtype=np.float32).reshape(1, 6)


def branch(name, weights):
    nodes = [helper.make_node("MatMul", ["x", weights], ["h"], name)]
    ends = [helper.make_tensor_value_info("h", TensorProto.FLOAT, [1, 5])]
    return helper.make_graph(nodes, name, [], ends)


@pytest.fixture
def rates(make_graph):
    """Return a network with other weights for each sample rate."""
    nodes = [
        helper.make_node("Equal", ["sr", "k"], ["c"], "is_16000"),
        helper.make_node(
            "If",
            ["c"],
            ["y"],
            "by_rate",
            then_branch=branch("fast", "w"),
            else_branch=branch("slow", "v"),
        ),
    ]
    ends = {"x": ("f", [1, 6]), "sr": ("i", [])}
    return make_graph(nodes, ends, {"y": ("f", [1, 5])}, w=W, v=V, k=np.int64(16000))


@pytest.mark.parametrize(("rate", "layer"), [(16000, "fast"), (np.array(8000), "slow")])
def test_an_if_on_it_disappears(rate, layer, rates, as_onnx_runtime):
    feeds = {"x": X, "sr": np.int64(rate)}
    mod = as_onnx_runtime(rates, feeds, bind_values={"sr": rate})
    assert [param.name for param in mod["main"].params] == ["x"]
    assert [one.name for one in eie.explain(mod)] == [layer]


def test_it_may_be_an_array_and_have_a_dynamic_shape(make_graph, as_onnx_runtime):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "fc"),
        helper.make_node("Reshape", ["a", "to"], ["y"], "view"),
    ]
    proto = make_graph(nodes, {"x": ("f", [1, 6]), "to": ("i", ["rank"])}, ["y"], w=W)
    to = [5, 1]
    as_onnx_runtime(proto, {"x": X, "to": np.array(to)}, bind_values={"to": to})


def test_one_number_fills_a_shape_of_ones(make_graph, as_onnx_runtime):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "fc"),
        helper.make_node("Mul", ["a", "k"], ["y"], "scale"),
    ]
    proto = make_graph(nodes, {"x": ("f", [1, 6]), "k": ("f", [1, 1])}, ["y"], w=W)
    as_onnx_runtime(proto, {"x": X, "k": np.float32([[0.1]])}, bind_values={"k": 0.1})


def test_a_default_is_replaced(make_graph, as_onnx_runtime):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "fc"),
        helper.make_node("Mul", ["a", "k"], ["y"], "scale"),
    ]
    ends = {"x": ("f", [1, 6]), "k": ("f", [])}
    proto = make_graph(nodes, ends, ["y"], w=W, k=np.float32(1))
    as_onnx_runtime(proto, {"x": X, "k": np.float32(3)}, bind_values={"k": 3})


def test_in_an_old_model_it_is_no_input(make_graph, as_onnx_runtime):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "fc"),
        helper.make_node("Mul", ["a", "k"], ["y"], "scale"),
    ]
    ends = {"x": ("f", [1, 6]), "w": ("f", [6, 5]), "k": ("f", [1])}
    proto = make_graph(nodes, ends, ["y"], 9, 3, w=W)
    as_onnx_runtime(proto, {"x": X, "k": np.float32([3])}, bind_values={"k": 3})


# Refused


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.5, "[1.5] is no int64"),
        (2.0**70, "is no int64"),
        ([16000, 8000], "a value of shape (2,), the input has ()"),
        ("fast", "<U4 for int64: give numbers, true or false"),
        (None, "object for int64: give numbers, true or false"),
    ],
)
def test_a_value_that_does_not_fit(value, said, rates):
    with pytest.raises(ModelError, match=r"^model: bind value sr: .*; correct it$") as error:
        eie.from_onnx(rates, bind_values={"sr": value})
    assert said in str(error.value)


def test_all_faults_are_told(rates):
    with pytest.raises(ModelError) as error:
        eie.from_onnx(rates, bind_values={"rate": 1, "sr": 0.5})
    assert str(error.value) == (
        "model: bind value rate: no such input; the model has x, sr; sr: [0.5] is no int64; "
        "correct it"
    )


def test_the_hash_tells_values_apart(rates, tmp_path):
    onnx.save(rates, tmp_path / "m.onnx")
    hashes = {
        str(eie.from_onnx(rates, bind_values={"sr": rate}).attrs["eie.model_sha256"])
        for rate in (16000, 8000, 8000)
    }
    assert len(hashes) == 2
