"""Models of operator sets from 7 on mean what ONNX Runtime computes."""

import numpy as np
import pytest
from onnx import helper

import eie_backend as eie
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.old_opsets import modernize

RNG = np.random.default_rng(0)
NEWEST = 22  # of ONNX Runtime's kernels for all of these


def normal(*shape):
    return RNG.normal(0, 1, shape).astype(np.float32)


X = normal(1, 3, 8, 8)
SMALL = normal(2, 6)


def node(operator, inputs, outputs, name="", **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), name, **attributes)


def with_axes(opset, operator, inputs, outputs, constants, axes, **attributes):
    """Return a node with `axes` where the operator set wants them."""
    since = 13 if operator in ("ReduceSum", "Squeeze", "Unsqueeze") else 18
    if opset < since:
        return node(operator, inputs, outputs, outputs, axes=axes, **attributes)
    constants[f"{outputs}_axes"] = np.array(axes, np.int64)
    return node(operator, f"{inputs} {outputs}_axes", outputs, outputs, **attributes)


def declare(proto, constants):
    """Declare constants as inputs, too, as IR version 3 demands."""
    for name, value in constants.items():
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        proto.graph.input.append(helper.make_tensor_value_info(name, kind, value.shape))


@pytest.mark.sampled(6)
@pytest.mark.parametrize("opset", range(7, NEWEST + 1))
def test_a_convolutional_network(opset, make_graph, as_onnx_runtime):
    constants = {
        "w": normal(4, 3, 3, 3),
        "s": 1 + abs(normal(4)),
        "b": normal(4),
        "m": normal(4),
        "v": 1 + abs(normal(4)),
        "g": normal(5, 4),
        "c0": normal(5),
        "low": np.float32(0),
        "high": np.float32(6),
    }
    clip = (
        node("Clip", "n", "c", "relu6", min=0.0, max=6.0)
        if opset < 11
        else node("Clip", "n low high", "c", "relu6")
    )
    nodes = [
        node("Conv", "x w", "a", "conv", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "a s b m v", "n", "bn"),
        clip,
        node("MaxPool", "c", "p", "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Dropout", "p", "d", "drop"),
        node("GlobalAveragePool", "d", "q", "gap"),
        node("Flatten", "q", "f", "flat"),
        node("Gemm", "f g c0", "l", "fc", transB=1),
        node("Softmax", "l", "y", "softmax", axis=1),
    ]
    proto = make_graph(nodes, {"x": ("f", X.shape)}, ["y"], opset, 3, **constants)
    declare(proto, constants)
    mod = as_onnx_runtime(proto, {"x": X})
    assert [row.name for row in eie.explain(mod) if row.is_layer] == ["conv", "fc"]


@pytest.mark.sampled(6)
@pytest.mark.parametrize("opset", range(7, NEWEST + 1))
def test_an_attention(opset, make_graph, as_onnx_runtime):
    constants = {name: normal(6, 6) for name in "qkv"}
    constants |= {"to": np.array([2, 2, 3]), "back": np.array([2, 6]), "eps": np.float32(1e-5)}
    nodes = [
        *(node("MatMul", f"x {name}", f"{name}1", f"{name}_proj") for name in "qkv"),
        *(node("Reshape", f"{name}1 to", f"{name}2") for name in "qkv"),
        node("Transpose", "q2", "q3", perm=[1, 0, 2]),
        node("Transpose", "k2", "k3", perm=[1, 2, 0]),
        node("Transpose", "v2", "v3", perm=[1, 0, 2]),
        node("MatMul", "q3 k3", "scores"),
        node("Softmax", "scores", "weights", axis=2),
        node("MatMul", "weights v3", "mixed"),
        node("Transpose", "mixed", "m1", perm=[1, 0, 2]),
        node("Reshape", "m1 back", "m2"),
        node("Add", "m2 x", "m3"),
        with_axes(opset, "ReduceMean", "m3", "mean", constants, [-1 if opset >= 11 else 1]),
        node("Sub", "m3 mean", "centred"),
        node("Mul", "centred centred", "squares"),
        with_axes(opset, "ReduceSum", "squares", "sum", constants, [1], keepdims=0),
        with_axes(opset, "Unsqueeze", "sum", "sum1", constants, [1]),
        node("Add", "sum1 eps", "shifted"),
        node("Sqrt", "shifted", "deviation"),
        node("Div", "centred deviation", "y"),
    ]
    proto = make_graph(nodes, {"x": ("f", [2, 6])}, ["y"], opset, 3, **constants)
    declare(proto, constants)
    as_onnx_runtime(proto, {"x": SMALL})


OLD = {
    "Slice": (node("Slice", "a", "y", starts=[0, 1], ends=[4, 100], axes=[2, 3]), 7, 9),
    "Slice of all": (node("Slice", "a", "y", starts=[0, 1], ends=[1, 2]), 7, 9),
    "Squeeze": (node("Squeeze", "a", "y", axes=[0]), 7, 12),
    "Squeeze of all": (node("Squeeze", "a", "y"), 7, 12),
    "Split": (node("Split", "a", "y z", axis=1, split=[1, 3]), 7, 12),
    "Split evenly": (node("Split", "a", "y z", axis=1), 7, 12),
    "Clip below": (node("Clip", "a", "y", max=0.5), 7, 10),
    "Pad": (node("Pad", "a", "y", pads=[0, 0, 1, 1, 0, 0, 2, 1], value=0.5), 7, 10),
    "Pad by mirror": (node("Pad", "a", "y", pads=[0, 0, 1, 1, 0, 0, 2, 1], mode="reflect"), 7, 10),
    "TopK": (node("TopK", "a", "y z", k=3, axis=3), 7, 9),
    "Softmax by default": (node("Softmax", "a", "y"), 7, 12),
    "Softmax of channels": (node("Softmax", "a", "y", axis=2), 7, 12),
    "LogSoftmax": (node("LogSoftmax", "a", "y", axis=0), 7, 12),
    "Hardmax": (node("Hardmax", "a", "y", axis=3), 7, 12),
    "ReduceSum of all": (node("ReduceSum", "a", "y"), 7, 12),
    "Upsample": (node("Upsample", "a", "y", scales=[1.0, 1.0, 2.0, 3.0], mode="nearest"), 7, 8),
    "Upsample by an input": (node("Upsample", "a scales", "y", mode="nearest"), 9, 9),
    "Resize": (node("Resize", "a scales", "y", mode="nearest"), 10, 10),
    "Dropout": (node("Dropout", "a", "y", ratio=0.25), 7, 11),
}


@pytest.mark.parametrize("what", OLD)
def test_attributes_that_became_inputs(what, make_graph, as_onnx_runtime):
    operator, first, last = OLD[what]
    for opset in (first, last):
        nodes = [node("Conv", "x w", "a", "conv"), operator]
        kinds = {"y": ("f", None), "z": ("i" if operator.op_type == "TopK" else "f", None)}
        ends = {name: kinds[name] for name in operator.output}
        constants = {"w": normal(4, 3, 3, 3), "scales": np.float32([1, 1, 2, 1.5])}
        proto = make_graph(nodes, {"x": ("f", X.shape)}, ends, opset, 4, **constants)
        as_onnx_runtime(proto, {"x": X})


# Left alone


def test_what_cannot_be_said_stays(make_graph):
    for opset, nodes in {
        8: [node("BatchNormalization", "x s s s s", "y", spatial=0)],
        6: [node("Squeeze", "x", "y", axes=[0])],
        13: [node("Relu", "x", "y")],
    }.items():
        proto = make_graph(nodes, {"x": ("f", [1, 3, 8, 8])}, ["y"], opset, 4, s=normal(3))
        before = proto.SerializeToString()
        assert modernize(proto, Context()) == []
        assert proto.SerializeToString() == before


def test_what_somebody_registered_keeps_its_attributes(make_graph):
    nodes = [node("Squeeze", "x", "a", axes=[0]), node("Slice", "a", "y", starts=[0], ends=[1])]
    proto = make_graph(nodes, {"x": ("f", [1, 3])}, ["y"], 8, 4)
    modernize(proto, Context(foreign=frozenset({"Squeeze"})))
    assert [len(one.input) for one in proto.graph.node if one.op_type != "Constant"] == [1, 3]


def test_the_result_is_a_model_of_13(make_graph, check_model):
    nodes = [one for one, first, _ in OLD.values() if first == 7 and one.op_type != "TopK"]
    for one in nodes:
        proto = make_graph([one], {"a": ("f", [1, 4, 8, 8])}, [*one.output], 7, 4)
        modernize(proto, Context())
        check_model(proto)
        assert proto.opset_import[0].version == 13
