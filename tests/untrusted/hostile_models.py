"""Models whose constants point outside of what they index, or ask for what nobody can hold.

Each computes `d` from constants alone, which is folded when the model is read, and adds its sum to
the input of a dense layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

INDICES = {"before": -5, "far before": -(2**62), "end": 4, "near": 5, "far": 99_999_999}
"""Outside of an axis of 4."""

SIZES = {"negative": -9, "wide": 2**31, "endless": 2**62}
NUMBERS = {"nan": np.nan, "infinite": np.inf, "large": 1e30, "negative": -1.0, "past": 99.0}
EQUATIONS = ("ij,jk->zz", "ij,jk->ii", "ij,jk->ijkl", "i,jk->ik", "ijk,jk->i", "ij,kj->", "->")
SHAPES = ((4,), (1, 4), (4, 1), (2, 2), (1, 1, 1), (0,), ())

A = np.arange(16, dtype=np.float32).reshape(4, 4)
IMAGE = np.arange(32, dtype=np.float32).reshape(1, 2, 4, 4)
KERNEL = np.ones((1, 2, 2, 2), np.float32)
BOX, REGION = np.float32([[0, 0, 2, 2]]), np.float32([[0, 0, 0, 2, 2]])


def model(nodes: list[NodeProto], constants: dict[str, object], opset: int = 17) -> bytes:
    """Return a model around nodes that make `d`."""
    tail = [
        helper.make_node("Cast", ["d"], ["floats"], "cast", to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["floats"], ["total"], "sum", keepdims=0),
        helper.make_node("Add", ["x", "total"], ["moved"], "plus"),
        helper.make_node("Gemm", ["moved", "weight", "bias"], ["y"], "fc", transB=1),
    ]
    layer = {"weight": np.eye(4, dtype=np.float32), "bias": np.zeros(4, np.float32)}
    tensors = {name: np.asarray(value) for name, value in {**layer, **constants}.items()}
    graph = helper.make_graph(
        [*nodes, *tail],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4))],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    made: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return made


def node(operator: str, inputs: str, **attributes: object) -> list[NodeProto]:
    """Return the one node that makes `d`; a dot stands for an input that is left out."""
    names = ["" if name == "." else name for name in inputs.split()]
    return [helper.make_node(operator, names, ["d"], "hostile", **attributes)]


def indices(bad: int, dtype: type = np.int64) -> Iterator[tuple[str, bytes]]:
    """Yield models with an index outside."""
    pair, one = np.array([0, bad], dtype), np.ones(1, np.float32)
    column = np.array([[bad], [0]], dtype)
    for axis in (0, 1, -1):
        yield f"Gather {axis}", model(node("Gather", "a i", axis=axis), {"a": A, "i": pair})
        yield (
            f"GatherElements {axis}",
            model(node("GatherElements", "a i", axis=axis), {"a": A, "i": column}),
        )
        for reduction in ("none", "add"):
            scatter = node("ScatterElements", "a i u", axis=axis, reduction=reduction)
            values = {"a": A, "i": column, "u": np.ones((2, 1), np.float32)}
            yield f"ScatterElements {axis} {reduction}", model(scatter, values)
    if dtype is not np.int64:
        return
    yield "Gather scalar", model(node("Gather", "a i"), {"a": A, "i": pair[1]})
    yield "GatherND", model(node("GatherND", "a i"), {"a": A, "i": pair[None]})
    yield (
        "GatherND batch",
        model(
            node("GatherND", "a i", batch_dims=1), {"a": A, "i": np.array([[1], [bad], [0], [1]])}
        ),
    )
    for reduction in ("none", "mul"):
        scatter = node("ScatterND", "a i u", reduction=reduction)
        yield f"ScatterND {reduction}", model(scatter, {"a": A, "i": pair[None], "u": one})
    align = node("RoiAlign", "m r i", output_height=2, output_width=2)
    yield "RoiAlign", model(align, {"m": IMAGE, "r": BOX, "i": np.array([bad])})
    yield "OneHot", model(node("OneHot", "i k v"), {"i": pair, "k": 4, "v": np.float32([0, 1])})
    slice_of = {"a": A, "s": np.array([bad]), "e": np.array([4]), "o": np.array([1])}
    yield "Slice start", model(node("Slice", "a s e o"), slice_of)
    yield "Slice end", model(node("Slice", "a e s o"), slice_of)
    yield "Slice axis", model(node("Slice", "a o e s"), slice_of)
    yield "Slice step", model(node("Slice", "a o e o s"), slice_of)
    yield "CumSum axis", model(node("CumSum", "a i"), {"a": A, "i": np.array(bad)})
    yield (
        "TopK",
        model(
            [helper.make_node("TopK", ["a", "i"], ["d", "n"], "hostile")],
            {"a": A, "i": np.array([bad])},
        ),
    )
    yield "Concat axis", model(node("Concat", "a a", axis=bad), {"a": A})
    yield "Transpose", model(node("Transpose", "a", perm=[0, bad]), {"a": A})
    yield "Unsqueeze", model(node("Unsqueeze", "a i"), {"a": A, "i": np.array([bad])})
    yield (
        "ReverseSequence",
        model(node("ReverseSequence", "a i"), {"a": A, "i": np.array([bad, 1, 1, 1])}),
    )
    for mode in ("reflect", "edge"):
        if abs(bad) < 99:
            pads = node("Pad", "a p", mode=mode)
            yield f"Pad {mode}", model(pads, {"a": A, "p": np.array([bad, 0, 0, 0])})
            yield f"Pad {mode} after", model(pads, {"a": A, "p": np.array([0, 0, 0, bad])})


def sizes(bad: int) -> Iterator[tuple[str, bytes]]:
    """Yield models with a size, a stride or a place that nothing has."""
    for operator in ("Tile", "Expand", "Reshape"):
        yield operator, model(node(operator, "a i"), {"a": A, "i": np.array([bad, 4])})
    yield "ConstantOfShape", model(node("ConstantOfShape", "i"), {"i": np.array([bad, 2])})
    yield "Range", model(node("Range", "p q o"), {"p": 0, "q": bad, "o": 1})
    nothing = np.zeros(0, np.float32)
    resize = {"m": IMAGE, "e": nothing, "z": np.array([1, 2, bad, 4])}
    yield "Resize", model(node("Resize", "m e . z"), resize)
    for mode in ("constant", "reflect", "edge"):
        yield f"Pad {mode}", model(node("Pad", "a p", mode=mode), {"a": A, "p": [bad, 0, 0, 0]})
    yield "Pad wrap", model(node("Pad", "a p", mode="wrap"), {"a": A, "p": [bad, 0, 0, 0]}, 19)
    yield (
        "Split",
        model(
            [helper.make_node("Split", ["a", "i"], ["d", "n"], "hostile")],
            {"a": A, "i": np.array([bad, 4 - bad])},
        ),
    )
    yield "OneHot", model(node("OneHot", "i k v"), {"i": [0], "k": bad, "v": np.float32([0, 1])})
    for name in ("strides", "dilations"):
        yield (
            f"Conv {name}",
            model(node("Conv", "m k", **{name: [bad, 1]}), {"m": IMAGE, "k": KERNEL}),
        )
        yield (
            f"Conv {name} 0",
            model(node("Conv", "m k", **{name: [0, 1]}), {"m": IMAGE, "k": KERNEL}),
        )
    yield "Conv group", model(node("Conv", "m k", group=bad), {"m": IMAGE, "k": KERNEL})
    yield "Conv pads", model(node("Conv", "m k", pads=[bad, 0, 0, 0]), {"m": IMAGE, "k": KERNEL})
    for pool in ("MaxPool", "AveragePool"):
        yield f"{pool} kernel", model(node(pool, "m", kernel_shape=[bad, 1]), {"m": IMAGE})
        for name, value in {"strides": [bad, 1], "pads": [bad, 0, 0, 0]}.items():
            pooled = node(pool, "m", kernel_shape=[2, 2], **{name: value})
            yield f"{pool} {name}", model(pooled, {"m": IMAGE})
    deep = {"m": IMAGE, "k": np.ones((2, 1, 2, 2), np.float32)}
    yield "ConvTranspose", model(node("ConvTranspose", "m k", output_padding=[bad, 0]), deep)
    for operator in ("DepthToSpace", "SpaceToDepth"):
        yield operator, model(node(operator, "m", blocksize=bad), {"m": IMAGE})
    yield "LRN", model(node("LRN", "m", size=bad), {"m": IMAGE})
    yield (
        "MaxRoiPool",
        model(node("MaxRoiPool", "m r", pooled_shape=[bad, 2]), {"m": IMAGE, "r": REGION}),
    )
    yield (
        "RoiAlign",
        model(node("RoiAlign", "m r i", output_height=bad), {"m": IMAGE, "r": BOX, "i": [0]}),
    )
    yield (
        "RoiAlign samples",
        model(node("RoiAlign", "m r i", sampling_ratio=bad), {"m": IMAGE, "r": BOX, "i": [0]}),
    )
    for name in ("Concat", "Flatten", "Softmax"):
        operands = "a a" if name == "Concat" else "a"
        yield f"{name} axis", model(node(name, operands, axis=min(bad * 2, 2**62)), {"a": A})


def numbers(bad: float) -> Iterator[tuple[str, bytes]]:
    """Yield models with a float that becomes a place."""
    where = np.float32
    pooled = {"pooled_shape": [2, 2]}
    yield (
        "MaxRoiPool batch",
        model(node("MaxRoiPool", "m r", **pooled), {"m": IMAGE, "r": where([[bad, 0, 0, 2, 2]])}),
    )
    yield (
        "MaxRoiPool box",
        model(node("MaxRoiPool", "m r", **pooled), {"m": IMAGE, "r": where([[0, bad, 0, 2, bad]])}),
    )
    yield (
        "RoiAlign box",
        model(
            node("RoiAlign", "m r i"), {"m": IMAGE, "r": where([[bad, 0, bad + 2, 2]]), "i": [0]}
        ),
    )
    pooled["spatial_scale"] = bad
    regions = {"m": IMAGE, "r": REGION}
    yield "MaxRoiPool scale", model(node("MaxRoiPool", "m r", **pooled), regions)
    aligned = {"m": IMAGE, "r": BOX, "i": [0]}
    yield "RoiAlign scale", model(node("RoiAlign", "m r i", spatial_scale=bad), aligned)
    for padding in ("zeros", "border", "reflection"):
        sample = node("GridSample", "m g", padding_mode=padding)
        grid = np.full((1, 2, 2, 2), bad, np.float32)
        yield f"GridSample {padding}", model(sample, {"m": IMAGE, "g": grid})
    scaled = {"m": IMAGE, "e": np.zeros(0, np.float32), "s": where([1, 1, bad, 1])}
    yield "Resize scale", model(node("Resize", "m e s"), scaled)
    yield "Range", model(node("Range", "p q o"), {"p": where(0), "q": where(bad), "o": where(1)})
    cast = helper.make_node("Cast", ["f0"], ["i"], "cast index", to=TensorProto.INT64)
    yield "Gather", model([cast, *node("Gather", "a i")], {"a": A, "f0": where([bad])})


def shapes(shape: tuple[int, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield models with operands of another rank."""
    at = np.zeros(shape, np.int64)
    for axis in (0, 1):
        yield (
            f"GatherElements {axis}",
            model(node("GatherElements", "a i", axis=axis), {"a": A, "i": at}),
        )
        scatter = node("ScatterElements", "a i u", axis=axis)
        updates = {"a": A, "i": at, "u": np.ones((2, 2), np.float32)}
        yield f"ScatterElements {axis}", model(scatter, updates)
    yield "GatherND", model(node("GatherND", "a i"), {"a": A, "i": at})
    yield "Gather nothing", model(node("Gather", "a i"), {"a": A[:0], "i": at})
    scatter = node("ScatterND", "a i u")
    yield "ScatterND", model(scatter, {"a": A, "i": at, "u": np.ones(1, np.float32)})
    some = np.ones(shape, np.float32)
    yield "ScatterND updates", model(scatter, {"a": A, "i": np.zeros((2, 1), int), "u": some})
    yield "Pad", model(node("Pad", "a i"), {"a": A, "i": at})
    yield "RoiAlign", model(node("RoiAlign", "m r i"), {"m": IMAGE, "r": some, "i": at})
    yield (
        "MaxRoiPool",
        model(node("MaxRoiPool", "m r", pooled_shape=[2, 2]), {"m": IMAGE, "r": some}),
    )
    yield "GridSample", model(node("GridSample", "m g"), {"m": IMAGE, "g": some})


def divisions() -> Iterator[tuple[str, bytes]]:
    """Yield integer quotients that processors trap."""
    for operator, dtype in product(("Div", "Mod"), (np.int8, np.int32, np.int64)):
        lowest = np.full(2, np.iinfo(dtype).min, dtype)
        for bad in (0, -1):
            yield (
                f"{operator} {np.dtype(dtype).name} {bad}",
                model(node(operator, "p q"), {"p": lowest, "q": np.array([1, bad], dtype)}),
            )
    shift = node("BitShift", "p q", direction="LEFT")
    ones = np.ones(2, np.uint32)
    yield "BitShift", model(shift, {"p": ones, "q": np.array([1, 99], np.uint32)})


def models() -> dict[str, bytes]:
    """Return all models by name."""
    found: dict[str, bytes] = {}
    for how, bad in INDICES.items():
        found |= {f"{name}, {how}": one for name, one in indices(bad)}
        if abs(bad) < 2**31:
            narrow = indices(bad, np.int32)
            found |= {f"{name}, {how}, int32": one for name, one in narrow}
    for how, bad in SIZES.items():
        found |= {f"{name}, {how} size": one for name, one in sizes(bad)}
    for how, number in NUMBERS.items():
        found |= {f"{name}, {how}": one for name, one in numbers(number)}
    for shape in SHAPES:
        found |= {f"{name}, shape {shape}": one for name, one in shapes(shape)}
    einsums = {e: model(node("Einsum", "a a", equation=e), {"a": A}) for e in EQUATIONS}
    return {**found, **{f"Einsum {e}": one for e, one in einsums.items()}, **dict(divisions())}
