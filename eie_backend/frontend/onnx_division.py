"""`divides_the_lowest`: whether a model may divide the lowest integer by -1.

The processor traps that, and ONNX Runtime does not look: it would end the process.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    inliner,
    numpy_helper,
)
from onnx.shape_inference import infer_shapes

SAFE = {
    getattr(TensorProto, name)
    for name in ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "UINT8", "UINT16", "UINT32", "UINT64")
}
"""Types whose division traps nothing but 0, which ONNX Runtime looks for."""


def divides_the_lowest(proto: ModelProto) -> bool:
    """Return whether a Div of signed integers has neither a divisor nor a dividend that is known.

    Parameters
    ----------
    proto : ModelProto
        A valid model.
    """
    if not _has_division(proto):
        return False
    whole = inliner.inline_local_functions(proto) if proto.functions else proto
    return _divides(infer_shapes(whole).graph, {}, {})


def _has_division(proto: ModelProto) -> bool:
    bodies = (proto.graph, *proto.functions)
    return any(node.op_type == "Div" for body in bodies for node in _nodes(body))


def _divides(
    graph: GraphProto, outer_types: dict[str, int], outer: dict[str, NDArray[np.generic]]
) -> bool:
    values = (*graph.value_info, *graph.input, *graph.output)
    types = {**outer_types, **{one.name: one.type.tensor_type.elem_type for one in values}}
    types |= {one.name: one.data_type for one in graph.initializer}
    known = {**outer, **{one.name: numpy_helper.to_array(one) for one in graph.initializer}}
    known |= {
        node.output[0]: numpy_helper.to_array(node.attribute[0].t)
        for node in graph.node
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value"
    }
    for node in graph.node:
        if node.op_type == "Div" and not _is_safe([*node.input], types, known):
            return True
        if any(_divides(inner, types, known) for inner in _graphs(node)):
            return True
    return False


def _is_safe(
    names: list[str], types: dict[str, int], known: dict[str, NDArray[np.generic]]
) -> bool:
    if any(types.get(name) in SAFE for name in names):
        return True
    dividend, divisor = (known.get(name) for name in names)
    if divisor is not None and not (divisor == -1).any():
        return True
    return dividend is not None and not (dividend == np.iinfo(str(dividend.dtype)).min).any()


def _nodes(body: GraphProto | FunctionProto) -> Iterator[NodeProto]:
    for node in body.node:
        yield node
        for inner in _graphs(node):
            yield from _nodes(inner)


def _graphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs
