"""How operators of ONNX's operator sets 7 to 12 are written in 13, one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import AttributeProto, NodeProto, TypeProto, helper, numpy_helper
from onnx.helper import tensor_dtype_to_np_dtype


def attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    """Return the value of a node's attribute."""
    found = [a for a in node.attribute if a.name == name]
    return helper.get_attribute_value(found[0]) if found else default


def _taken(node: NodeProto, *names: str) -> None:
    """Remove attributes."""
    kept = [AttributeProto.FromString(a.SerializeToString()) for a in node.attribute]
    node.ClearField("attribute")
    node.attribute.extend(a for a in kept if a.name not in names)


def _constant(node: NodeProto, name: str, values: Any, dtype: Any) -> NodeProto:
    """Return a constant for a node, which has a name of its own."""
    result = f"{node.output[0]}.{name}"
    value = numpy_helper.from_array(np.asarray(values, dtype), result)
    return helper.make_node("Constant", [], [result], result, value=value)


def _with_inputs(*names: str, dtype: Any = np.int64) -> Callable[..., list[NodeProto]]:
    """Return a rewrite for attributes that became inputs, in this order, after the first one."""

    def rewrite(node: NodeProto, types: Mapping[str, TypeProto]) -> list[NodeProto]:
        kind = types.get(node.input[0], TypeProto()).tensor_type.elem_type or 1
        wanted = tensor_dtype_to_np_dtype(kind) if dtype is None else dtype
        made = []
        for name in names:
            value = attribute(node, name)
            if value is None:
                node.input.append("")
            else:
                made.append(_constant(node, name, value, wanted))
                node.input.append(made[-1].output[0])
        while node.input and not node.input[-1]:
            del node.input[-1]
        _taken(node, *names)
        return [*made, node]

    return rewrite


def _pad(node: NodeProto, types: Mapping[str, TypeProto]) -> list[NodeProto]:
    pads = _constant(node, "pads", attribute(node, "pads"), np.int64)
    kind = types.get(node.input[0], TypeProto()).tensor_type.elem_type or 1
    value = _constant(node, "value", attribute(node, "value", 0.0), tensor_dtype_to_np_dtype(kind))
    node.input.extend([pads.output[0], value.output[0]])
    _taken(node, "pads", "value")
    return [pads, value, node]


def _top_k(node: NodeProto, _types: Mapping[str, TypeProto]) -> list[NodeProto]:
    count = _constant(node, "k", [attribute(node, "k")], np.int64)
    node.input.append(count.output[0])
    _taken(node, "k")
    return [count, node]


def _dropout(node: NodeProto, _types: Mapping[str, TypeProto]) -> list[NodeProto]:
    _taken(node, "ratio")
    return [node]


def _batch_norm(node: NodeProto, _types: Mapping[str, TypeProto]) -> list[NodeProto]:
    _taken(node, "spatial")
    return [node]


def _scatter(node: NodeProto, _types: Mapping[str, TypeProto]) -> list[NodeProto]:
    node.op_type = "ScatterElements"
    return [node]


def _resize(node: NodeProto, _types: Mapping[str, TypeProto]) -> list[NodeProto]:
    made = []
    if (scales := attribute(node, "scales")) is not None:  # of Upsample before 9
        made.append(_constant(node, "scales", scales, np.float32))
        node.input.append(made[0].output[0])
    node.op_type = "Resize"
    data, factors = node.input
    node.ClearField("input")
    node.input.extend([data, "", factors])
    _taken(node, "scales")
    asked = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    node.attribute.extend(helper.make_attribute(name, value) for name, value in asked.items())
    return [*made, node]


def _softmax(node: NodeProto, types: Mapping[str, TypeProto]) -> list[NodeProto]:
    kind = types.get(node.input[0], TypeProto()).tensor_type
    axis, rank = attribute(node, "axis", 1), len(kind.shape.dim) if kind.HasField("shape") else None
    _taken(node, "axis")
    node.attribute.append(helper.make_attribute("axis", -1))
    if axis == -1 or (rank is not None and axis % max(rank, 1) == rank - 1):
        return [node]
    data, result = node.input[0], node.output[0]
    shape, flat, done = (f"{result}.{part}" for part in ("shape", "flat", "matrix"))
    node.input[0], node.output[0] = flat, done
    name = node.name
    node.name = done
    return [
        helper.make_node("Shape", [data], [shape], shape),
        helper.make_node("Flatten", [data], [flat], flat, axis=axis),
        node,
        helper.make_node("Reshape", [done, shape], [result], name),
    ]


Rewrite = Callable[[NodeProto, Mapping[str, TypeProto]], list[NodeProto]]

REWRITES: Mapping[str, tuple[int, Rewrite]] = {
    "BatchNormalization": (9, _batch_norm),
    "Clip": (11, _with_inputs("min", "max", dtype=None)),
    "Dropout": (12, _dropout),
    "Hardmax": (13, _softmax),
    "LogSoftmax": (13, _softmax),
    "Pad": (11, _pad),
    "ReduceSum": (13, _with_inputs("axes")),
    "Resize": (11, _resize),
    "Scatter": (13, _scatter),
    "Slice": (10, _with_inputs("starts", "ends", "axes")),
    "Softmax": (13, _softmax),
    "Split": (13, _with_inputs("split")),
    "Squeeze": (13, _with_inputs("axes")),
    "TopK": (10, _top_k),
    "Unsqueeze": (13, _with_inputs("axes")),
    "Upsample": (10, _resize),
}
"""By operator: the version from which on it is as now, and how older ones are said."""
