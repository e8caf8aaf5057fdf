"""Dimensions as exporters write them are bound by name or by place, and the faults all told."""

import numpy as np
import onnx
import pytest

import eie_backend as eie
from eie_backend.errors import ModelError

W, G = np.ones((2, 3, 1, 1), np.float32), np.eye(3, 2, dtype="f")
X = np.arange(2 * 3 * 4 * 6, dtype=np.float32).reshape(2, 3, 4, 6) / 50


@pytest.fixture
def network(make_graph):
    """Return a convolutional network of an input of these dimensions."""

    def made(*dims):
        nodes = [
            onnx.helper.make_node("Conv", ["x", "w"], ["a"], "conv"),
            onnx.helper.make_node("GlobalAveragePool", ["a"], ["p"], "gap"),
            onnx.helper.make_node("Flatten", ["p"], ["f"], "flat"),
            onnx.helper.make_node("Gemm", ["f", "g"], ["y"], "fc", transB=1),
        ]
        return make_graph(nodes, {"x": ("f", dims)}, ["y"], opset=11, ir_version=6, w=W, g=G)

    return made


def shape(mod):
    return [int(extent) for extent in mod["main"].params[0].ty.shape]


def failure(proto, bind=None):
    with pytest.raises(ModelError) as error:
        eie.from_onnx(proto, bind)
    return str(error.value)


PLACES = {"x.0": 2, "x.2": 4, "x.3": 6}


@pytest.mark.parametrize(
    ("dims", "bind"),
    [
        ([-1, 3, 4, 6], {"x.0": 2}),
        ([-1, 3, -1, -1], PLACES),
        (["N", 3, "?", "?"], {"N": 2, "x.2": 4, "x.3": 6}),
        (["N", 3, "?", 6], {"x.0": 2, "?": 4}),
        ([None, 3, "", "None"], {"x.0": 2, "x.2": 4, "None": 6}),
        (["None", 3, "None", 6], {"x.0": 2, "x.2": 4}),
    ],
)
def test_every_spelling_is_bound(dims, bind, network, as_onnx_runtime):
    assert shape(as_onnx_runtime(network(*dims), {"x": X}, bind)) == [2, 3, 4, 6]


def test_a_dimension_of_no_values_is_dynamic(network):
    assert shape(eie.from_onnx(network(0, 3, 4, 6), {"x.0": 2})) == [2, 3, 4, 6]


def test_a_name_is_one_dimension_by_whichever_place(make_graph):
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["a"]),
        onnx.helper.make_node("Add", ["a", "z"], ["y"]),
    ]
    ends = {"x": ("f", ["N", 3]), "z": ("f", ["N", 2])}
    proto = make_graph(nodes, ends, {"y": ("f", ["N", 2])}, w=G)
    for bind in ({"N": 5}, {"z.0": 5}, {"x.0": 5, "z.0": 5}, {"x.0": 5, "N": 5}):
        assert shape(eie.from_onnx(proto, bind)) == [5, 3]
    assert failure(proto, {"x.0": 5, "z.0": 6}) == (
        "model: bind N=5, z.0=6: one dimension, two sizes; give one"
    )


# Refused


def test_all_that_is_unbound_is_told_with_both_ways(network):
    assert failure(network("N", 3, "?", "?"), {"x.3": 6}) == (
        "model: the machine needs static shapes, but these dimensions are dynamic: "
        "'N' (x, axis 0); 'x.2' (x, axis 2); bind them, for example --bind N=1 --bind x.2=1 "
        "(Python: bind={'N': 1, 'x.2': 1}; for a sweep: bind: {N: 1, x.2: 1}); a place is a "
        "name, too: x.0=1"
    )


@pytest.mark.parametrize("key", ["?", "x.1", "x.4", "y.0", ""])
def test_what_is_no_dynamic_dimension_is_refused(key, network):
    assert f"bind {key}: no such dynamic dimension; the model has N, x.2, x.3" in failure(
        network("N", 3, "?", "?"), {key: 1, "N": 1}
    )


@pytest.mark.parametrize("written", [-1, 0])
def test_no_input_stays_without_a_size(written, network, tmp_path):
    path = tmp_path / "m.onnx"
    onnx.save(network(written, 3, 4, 6), path)
    for model in (path, path.read_bytes(), onnx.load(path)):
        assert "'x.0' (x, axis 0); bind them" in failure(model)
    for bind in ({"x.0": -1}, {"x.0": 0}):
        assert "a dimension is an integer in 1..2147483647" in failure(path, bind)


def test_an_initializer_that_is_an_input_as_well_is_a_constant(make_graph, as_onnx_runtime):
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["y"], "fc")]
    large = np.ones((3, 1 << 17), np.float32)  # so large that it stays in its file
    for weights, dims in ((G, [3, 2]), (G, ["a", "b"]), (large, ["a", "b"])):
        ends = {"w": ("f", dims), "x": ("f", [2, 3])}
        proto = make_graph(nodes, ends, ["y"], ir_version=3, w=weights)
        mod = as_onnx_runtime(proto, {"x": X[0, :2, 0, :3]})
        assert [param.name for param in mod["main"].params] == ["x"]
