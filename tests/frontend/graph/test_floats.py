"""Models in half precision are computed in float32, and the user is told."""

import warnings

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.floats import as_float32

RNG = np.random.default_rng(0)
W, V = (RNG.choice([-1, -0.5, 0.25, 1], shape).astype(np.float16) for shape in ((6, 5), (5, 3)))
X = RNG.choice([-1, -0.5, 0.25, 1], (2, 6)).astype(np.float32)
HALF = TensorProto.FLOAT16


def layers(*around):
    return [
        *around,
        helper.make_node("MatMul", ["h", "w"], ["a"], "fc1"),
        helper.make_node("Relu", ["a"], ["r"], "relu"),
        helper.make_node("MatMul", ["r", "v"], ["z"], "fc2"),
    ]


def test_all_is_half(make_graph, as_onnx_runtime):
    proto = make_graph(layers(), {"h": ("h", [2, 6])}, {"z": ("h", None)}, w=W, v=V)
    told = r"^model: what is float16 in it is computed in float32; give h as float32$"
    with pytest.warns(eie.ModelWarning, match=told):
        mod = eie.from_onnx(proto)
    assert str(mod["main"].params[0].ty.dtype) == "float32"
    assert [row.name for row in eie.explain(mod) if row.is_layer] == ["fc1", "fc2"]


def test_casts_at_the_edges(make_graph, as_onnx_runtime):
    nodes = layers(helper.make_node("Cast", ["x"], ["h"], "in", to=HALF))
    nodes.append(helper.make_node("Cast", ["z"], ["y"], "out", to=TensorProto.FLOAT))
    proto = make_graph(nodes, {"x": ("f", [2, 6])}, ["y"], w=W, v=V)
    with pytest.warns(eie.ModelWarning, match=r"computed in float32$"):
        as_onnx_runtime(proto, {"x": X}, tolerance=1e-2)


def test_constants_branches_and_functions(make_graph, check_model):
    one = numpy_helper.from_array(np.float16(1), "one")
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["k"], value=one)],
        "branch",
        [],
        [helper.make_tensor_value_info("k", HALF, [])],
        [numpy_helper.from_array(np.float16([2]), "t")],
    )
    nodes = [
        helper.make_node("If", ["c"], ["s"], then_branch=inner, else_branch=inner),
        helper.make_node("EyeLike", ["x"], ["e"], dtype=HALF),
        helper.make_node("Mul", ["e", "s"], ["z"]),
    ]
    proto = make_graph(nodes, {"x": ("f", [2, 2]), "c": ("b", [])}, {"z": ("h", None)})
    node = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)
    opsets = [helper.make_opsetid("", 17)]
    proto.functions.append(helper.make_function("own", "Half", ["x"], ["y"], [node], opsets))
    (note,) = as_float32(proto, Context())
    assert note == "what is float16 and bfloat16 in it is computed in float32"
    text = str(proto)
    assert "elem_type: 10" not in text and "data_type: 10" not in text and "i: 16" not in text
    check_model(proto)
    assert as_float32(proto, Context()) == []


@pytest.mark.parametrize("external", [False, True], ids=["inside", "beside"])
@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_large_weights_are_read_from_their_file(kind, external, tmp_path):
    values = RNG.choice([-1, -0.5, 0.25, 1], (800, 800)).astype(np.float32)
    code = helper.np_dtype_to_tensor_dtype(np.dtype(np.float16))
    if kind == "bfloat16":
        code = TensorProto.BFLOAT16
        raw = (values.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    else:
        raw = values.astype(np.float16).tobytes()
    weights = helper.make_tensor("w", code, values.shape, raw, raw=True)
    infos = [[helper.make_tensor_value_info(n, code, [1, 800])] for n in "xy"]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], "fc")]
    graph = helper.make_graph(nodes, "graph", *infos, [weights])
    opsets = [helper.make_opsetid("", 17)]
    path = tmp_path / "m.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=opsets, ir_version=8),
        path,
        save_as_external_data=external,
        location="m.data" if external else None,
    )
    with pytest.warns(eie.ModelWarning, match=f"what is {kind} in it"):
        mod = eie.from_onnx(path)
    ((binding,),) = ([*block.bindings] for block in mod["main"].body.blocks)
    np.testing.assert_array_equal(binding.value.args[1].value.numpy(), values)


def test_others_are_left_alone(make_graph):
    nodes = [helper.make_node("MatMul", ["h", "w"], ["y"], "fc")]
    proto = make_graph(nodes, {"h": ("f", [2, 6])}, ["y"], w=W.astype(np.float32))
    before = proto.SerializeToString()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        eie.from_onnx(proto)
    assert as_float32(proto, Context()) == []
    assert proto.SerializeToString() == before
