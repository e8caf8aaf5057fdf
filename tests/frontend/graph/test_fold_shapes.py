"""What is known before the import is folded, node by node, and nothing else is."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.frontend.graph import fold_shapes as module
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.fold_shapes import fold_shapes

RNG = np.random.default_rng(0)
W, G = (RNG.normal(0, 1, shape).astype(np.float32) for shape in ((2, 3, 1, 1), (3, 32)))
X = RNG.normal(0, 1, (2, 3, 4, 4)).astype(np.float32)
ENDS = [
    helper.make_node("Conv", ["x", "w"], ["a"], "conv"),
    helper.make_node("Reshape", ["a", "t"], ["f"], "view"),
    helper.make_node("Gemm", ["f", "g"], ["y"], "fc", transB=1),
]


def node(operator, inputs, outputs="y", name="", **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), name, **attributes)


def folded(proto, **context):
    fold_shapes(proto, Context(**context))
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    return [one.op_type for one in proto.graph.node], values


def ints(*values):
    return np.array(values, np.int64)


ARITHMETIC = {
    "of PyTorch": (
        [node("Shape", "a", "s"), node("Gather", "s i", "n"), node("Concat", "n m", "t", axis=0)],
        {"i": ints(0), "m": ints(-1)},
    ),
    "of Paddle": (
        [
            node("Shape", "a", "s"),
            node("Cast", "s", "c", to=TensorProto.INT32),
            node("Slice", "c i j", "n"),
            node("Concat", "n m", "d", axis=0),
            node("Cast", "d", "t", to=TensorProto.INT64),
        ],
        {"i": ints(0), "j": ints(1), "m": np.array([-1], np.int32)},
    ),
    "of TensorFlow": (
        [
            node("Shape", "a", "s"),
            node("Slice", "s i j", "n"),
            node("Slice", "s j k", "r"),
            node("ReduceProd", "r", "p", keepdims=1),
            node("Concat", "n p", "t", axis=0),
        ],
        {"i": ints(0), "j": ints(1), "k": ints(4)},
    ),
    "with sizes": (
        [
            node("Size", "a", "z"),
            node("Shape", "a", "s", end=1),
            node("Squeeze", "s", "n"),
            node("Div", "z n", "q"),
            node("Unsqueeze", "n o", "u"),
            node("Unsqueeze", "q o", "v"),
            node("Concat", "u v", "t", axis=0),
        ],
        {"o": ints(0)},
    ),
    "with choices": (
        [
            node("ConstantOfShape", "two", "e", value=numpy_helper.from_array(ints(-1))),
            node("Equal", "e m", "b"),
            node("Not", "b", "nb"),
            node("And", "b nb", "never"),
            node("Shape", "a", "s"),
            node("Slice", "s i j", "n"),
            node("Expand", "n two", "nn"),
            node("Range", "i0 j0 j0", "r"),
            node("Where", "never nn e", "c"),
            node("ScatterND", "c at n", "t"),
        ],
        {
            "two": ints(2),
            "m": ints(-1),
            "i": ints(0),
            "j": ints(1),
            "at": ints(0).reshape(1, 1),
            "i0": np.int64(0),
            "j0": np.int64(1),
        },
    ),
}


@pytest.mark.parametrize("what", ARITHMETIC)
def test_known_shapes_are_folded(what, make_graph, as_onnx_runtime):
    nodes, constants = ARITHMETIC[what]
    proto = make_graph(
        [ENDS[0], *nodes, *ENDS[1:]], {"x": ("f", [2, 3, 4, 4])}, ["y"], w=W, g=G, **constants
    )
    mod = as_onnx_runtime(proto, {"x": X})
    assert {layer.name for layer in eie.explain(mod) if layer.is_layer} == {"conv", "fc"}
    operators, values = folded(proto)
    assert operators == ["Conv", "Reshape", "Gemm"]
    assert values["t"].tolist() in ([2, -1], [2, 32])
    assert folded(proto)[0] == operators  # twice is as once


def test_constants_of_old_models_are_no_inputs(make_graph, as_onnx_runtime):
    """Before IR version 4 they had to be."""
    nodes = [node("Add", "i i", "t"), node("Reshape", "x t", "r"), node("MatMul", "r w")]
    ends = {"x": ("f", [4, 3]), "w": ("f", [6, 2]), "i": ("i", [2])}
    proto = make_graph(nodes, ends, ["y"], 9, 3, w=G[0, :12].reshape(6, 2), i=ints(1, 3))
    as_onnx_runtime(proto, {"x": X[0, 0, :, :3]})
    assert folded(proto)[0] == ["Reshape", "MatMul"]
    assert proto.ir_version == 4


# Left alone


def test_what_depends_on_data_stays(make_graph):
    nodes = [node("Shape", "x", "s"), node("NonZero", "x", "z"), node("Shape", "z", "y")]
    proto = make_graph(nodes, {"x": ("f", [2, 3])}, {"y": ("i", None)})
    assert folded(proto)[0] == ["NonZero", "Shape"]


def test_what_somebody_registered_stays(make_graph):
    nodes = [node("Add", "i i", "a"), node("Reshape", "x a", "y")]
    proto = make_graph(nodes, {"x": ("f", [2, 3])}, ["y"], i=ints(3, 0))
    assert folded(proto, foreign={"Add"})[0] == ["Add", "Reshape"]
    assert folded(proto)[0] == ["Reshape"]


@pytest.mark.parametrize(
    ("operator", "constants"),
    {
        "Gather": {"a": ints(1, 2), "b": ints(5)},
        "Div": {"a": ints(1, 2), "b": ints(0, 1)},
        "Mod": {"a": ints(1, 2), "b": ints(0)},
        "Reshape": {"a": ints(1, 2), "b": ints(3)},
        "Expand": {"a": ints(1, 2), "b": ints(3)},
        "Tile": {"a": ints(1, 2), "b": ints(1 << 40)},
        "ConstantOfShape": {"a": ints(1 << 20, 1 << 20)},
        "Range": {"a": np.int64(0), "b": np.int64(1 << 50), "c": np.int64(1)},
        "Add": {"a": np.zeros((1 << 15, 1), np.int64), "b": np.zeros((1, 1 << 15), np.int64)},
    }.items(),
)
def test_what_is_wrong_or_large_stays(operator, constants, make_graph):
    proto = make_graph([node(operator, " ".join(constants))], {}, {"y": ("i", None)}, **constants)
    assert folded(proto)[0] == [operator]


def test_all_together_is_bounded(make_graph, monkeypatch):
    monkeypatch.setattr(module, "BUDGET", 4)
    nodes = [node("Add", f"{name} {name}", after) for name, after in ("ab", "bc", "cd")]
    proto = make_graph(nodes, {}, {"d": ("i", None)}, a=ints(1, 2, 3))
    assert folded(proto)[0] == ["Add"]


def test_what_nobody_read_stays(make_graph):
    nodes = [node("Relu", "x"), node("Shape", "x", "s"), node("Abs", "x", "unused")]
    proto = make_graph(nodes, {"x": ("f", [2, 3])}, ["y"])
    assert folded(proto)[0] == ["Relu", "Abs"]


# Results


def test_a_result_that_is_known_is_a_constant_under_its_node_name(make_graph, as_onnx_runtime):
    nodes = [node("MatMul", "x w", "y", "fc"), node("Shape", "y", "s", "size")]
    proto = make_graph(
        nodes, {"x": ("f", [2, 4])}, {"y": ("f", None), "s": ("i", None)}, w=np.eye(4, 3, dtype="f")
    )
    as_onnx_runtime(proto, {"x": X[0, 0, :2]})
    assert folded(proto)[0] == ["MatMul", "Constant"]
    assert proto.graph.node[1].name == "size"


def test_an_index_that_is_out_of_bounds_is_told_with_its_node(make_graph):
    nodes = [
        node("MatMul", "x w", "a", "fc"),
        node("Shape", "a", "s"),
        node("Gather", "s i", "n", "pick"),
        node("Reshape", "a n"),
    ]
    proto = make_graph(nodes, {"x": ("f", [2, 4])}, ["y"], w=np.eye(4, 3, dtype="f"), i=ints(2))
    with pytest.raises(ModelError, match=r"pick"):
        eie.from_onnx(proto)
