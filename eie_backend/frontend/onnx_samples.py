"""`extents`: how far the integer inputs of an ONNX graph may count, from the tables they index."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import GraphProto

TABLES = {"Gather": "axis", "GatherElements": "axis"}
"""Operators whose second input counts along an axis of their first."""

PASSES_ON = {"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
"""Operators whose result has the values of their first input."""


def extents(graph: GraphProto, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Return the number of values that inputs may have, counted from 0, by name.

    Parameters
    ----------
    graph : GraphProto
        Its nodes in order.
    shapes : mapping of str to tuple of int
        Shapes of values, as far as they are known.
    """
    source: dict[str, str] = {value.name: value.name for value in graph.input}
    found: dict[str, int] = {}
    for node in graph.node:
        if node.op_type in PASSES_ON and node.input[0] in source:
            source[node.output[0]] = source[node.input[0]]
        if node.op_type in TABLES and node.input[1] in source and node.input[0] in shapes:
            axis = next((a.i for a in node.attribute if a.name == TABLES[node.op_type]), 0)
            shape, name = shapes[node.input[0]], source[node.input[1]]
            if -len(shape) <= axis < len(shape):
                found[name] = min(found.get(name, shape[axis]), shape[axis])
    return found
