"""ONNX models: protocol buffers that parse, with graphs and sizes that nobody meant."""

from __future__ import annotations

import warnings
from contextlib import suppress
from functools import partial
from random import Random

import numpy as np
from driver import Kind
from edits import WORDS, edit_bytes, hard_number
from files import with_file
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

import eie_backend as eie

OPERATORS = (
    *(
        "Gemm",
        "MatMul",
        "Conv",
        "Add",
        "Relu",
        "Reshape",
        "Transpose",
        "Concat",
        "Constant",
        "Slice",
    ),
    *(
        "ConstantOfShape",
        "Expand",
        "Tile",
        "Pad",
        "Gather",
        "Range",
        "Unsqueeze",
        "Softmax",
        "Cast",
    ),
    *(
        "MaxPool",
        "BatchNormalization",
        "Flatten",
        "Shape",
        "Resize",
        "Split",
        "If",
        "Loop",
        "NoSuch",
    ),
    *("Where", "Equal", "NonZero", "Size", "Squeeze", "ReduceProd", "ScatterND", "OneHot", "Mod"),
)
LOCATIONS = ("../x", "/etc/passwd", "x", ".", "", "\0", "a/../../x", "model.onnx", "https://x/y")


def model(
    nodes: list[NodeProto],
    shape: list[int],
    tensors: dict[str, np.ndarray],
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
) -> bytes:
    """Return a model from `x` to `y`."""
    ends = [helper.make_tensor_value_info(n, kind, s) for n, s in (("x", shape), ("y", None))]
    initializers = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], initializers)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def seeds() -> list[bytes]:
    """Return a dense and a convolutional network, two that compute shapes, an old one, a half."""
    node = helper.make_node
    dense = [
        node("Gemm", ["x", "w", "b"], ["h"], "fc1", transB=1),
        node("Relu", ["h"], ["r"], "relu"),
        node("MatMul", ["r", "v"], ["y"], "fc2"),
    ]
    conv = [
        node("Conv", ["x", "k"], ["c"], "conv", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("MaxPool", ["c"], ["p"], "pool", kernel_shape=[2, 2]),
        node("Flatten", ["p"], ["y"], "flat"),
    ]
    shapes = [
        node("ConstantOfShape", ["s"], ["z"], "zeros"),
        node("Add", ["x", "z"], ["a"], "add"),
        node("Reshape", ["a", "t"], ["y"], "reshape"),
    ]
    taken = helper.make_graph(
        [node("Concat", ["n", "m"], ["q"], "joined", axis=0)],
        "taken",
        [],
        [helper.make_tensor_value_info("q", TensorProto.INT64, None)],
    )
    arithmetic = [
        node("MatMul", ["x", "w"], ["a"], "fc"),
        node("Shape", ["a"], ["s"], "shape"),
        node("Slice", ["s", "i", "j"], ["n"], "first"),
        node("Range", ["k", "l", "l"], ["r"], "count"),
        node("Gather", ["s", "r"], ["g"], "pick"),
        node("Equal", ["g", "n"], ["e"], "same"),
        node("Squeeze", ["e"], ["c"], "squeeze"),
        node("If", ["c"], ["t"], "choice", then_branch=taken, else_branch=taken),
        node("Reshape", ["a", "t"], ["y"], "view"),
    ]
    old = [
        node("Pad", ["x"], ["p"], "pad", pads=[0, 0, 1, 1, 0, 0, 1, 1]),
        node("Conv", ["p", "k"], ["c"], "conv"),
        node("Clip", ["c"], ["d"], "relu6", min=0.0, max=6.0),
        node("Slice", ["d"], ["e"], "cut", starts=[0], ends=[2], axes=[2]),
        node("Softmax", ["e"], ["y"], "softmax"),
    ]
    ints = {"i": np.array([0]), "j": np.array([1]), "m": np.array([-1]), "k": np.int64(0)}
    half = {"w": np.ones((3, 4), "f2"), "b": np.ones(3, "f2"), "v": np.ones((3, 2), "f2")}
    f = np.ones
    return [
        model(dense, [1, 4], {"w": f((3, 4), "f4"), "b": f(3, "f4"), "v": f((3, 2), "f4")}),
        model(conv, [1, 2, 4, 4], {"k": f((3, 2, 3, 3), "f4")}),
        model(shapes, [2, 3], {"s": np.array([2, 3]), "t": np.array([3, -1])}),
        model(arithmetic, [2, 3], {"w": f((3, 4), "f4"), "l": np.int64(1), **ints}),
        model(old, [1, 2, 4, 4], {"k": f((3, 2, 3, 3), "f4")}, 8),
        model(dense, [1, 4], half, 17, TensorProto.FLOAT16),
    ]


def edit_tensor(random: Random, tensor: TensorProto) -> None:
    """Edit what a tensor says of itself, or where its values are."""
    match random.randrange(5):
        case 0 if tensor.dims:
            tensor.dims[random.randrange(len(tensor.dims))] = hard_number(random)
        case 1:
            tensor.dims.append(random.choice((0, 1, 2, hard_number(random))))
        case 2:
            tensor.data_type = random.randrange(30)
        case 3:
            tensor.raw_data = edit_bytes(random, tensor.raw_data)
        case _:
            tensor.data_location = TensorProto.EXTERNAL
            values = {"location": random.choice(LOCATIONS), "offset": str(hard_number(random))}
            for key, value in values.items():
                tensor.external_data.add(key=key, value=value)


def edit_node(random: Random, node: NodeProto, names: list[str]) -> None:
    """Edit an operator, an edge of the graph, a name or an attribute."""
    match random.randrange(6):
        case 0:
            node.op_type = random.choice(OPERATORS)
        case 1 if node.input:
            node.input[random.randrange(len(node.input))] = random.choice(names)
        case 2:
            random.choice((node.input, node.output)).append(random.choice(names))
        case 3 if node.output:
            node.output[0] = random.choice(names)
        case 4:
            node.name = random.choice([word for word in WORDS if "\ud7ff" not in word])
        case _:
            numbers = [hard_number(random) % (1 << 63) for _ in range(random.randrange(4))]
            value = random.choice(
                (numbers or [0], hard_number(random) % (1 << 63), 0.5, "SAME_UPPER")
            )
            names_of = (
                "pads",
                "strides",
                "dilations",
                "group",
                "axis",
                "transB",
                "kernel_shape",
                "to",
            )
            del node.attribute[: random.randrange(2)]
            node.attribute.append(helper.make_attribute(random.choice(names_of), value))


def edit(random: Random, data: bytes) -> bytes:
    """Edit a part of the graph, or bytes."""
    if random.random() < 0.15:
        return edit_bytes(random, data)
    try:
        proto = ModelProto.FromString(data)
    except Exception:
        return edit_bytes(random, data)
    graph = proto.graph
    names = ["x", "y", "", "w", *(name for node in graph.node for name in node.output)]
    for _ in range(random.choice((1, 1, 2, 3))):
        part = random.randrange(8)
        if part < 3 and graph.node:
            edit_node(random, random.choice(graph.node), names)
        elif part < 5 and graph.initializer:
            edit_tensor(random, random.choice(graph.initializer))
        elif part == 5 and graph.input:
            dims = random.choice(graph.input).type.tensor_type.shape.dim
            dims.add().dim_value = random.choice((0, 1, 2, hard_number(random)))
            dims[random.randrange(len(dims))].dim_value = hard_number(random)
        elif part == 6 and graph.node:
            graph.node.add().CopyFrom(random.choice(graph.node))
        elif proto.opset_import:
            proto.opset_import[0].version = hard_number(random)
    return proto.SerializeToString()


def read(data: bytes, *, verify: bool = False) -> None:
    """Import a model from a file, which may have data beside it.

    TVM folds a split beyond the end by asking for less than no memory: `from_onnx` cannot tell
    that from a model which is too large.
    """
    with suppress(MemoryError), warnings.catch_warnings():
        warnings.simplefilter("ignore", eie.ModelWarning)
        with_file(partial(eie.from_onnx, verify=verify), data, "model.onnx")


KIND = Kind("models", seeds, edit, read, multiple=1000)
