"""`unrolled`: a ``Loop`` that runs a known number of times is its nodes, that many times."""

from __future__ import annotations

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from eie_backend.frontend.graph.inline import Inlined, Inliner, identity

LARGEST = 4096
"""Nodes that the loops of a model may become, all together."""

BYTES = 1 << 14
"""A body counts one node more for each so many bytes: it is copied for every trip."""


def unrolled(
    node: NodeProto, trips: int, inliner: Inliner, opset: int, largest: int = LARGEST
) -> Inlined | None:
    """Return what a ``Loop`` with this trip count does, None if it stays.

    Before -> after, for two trips::

        y, s = Loop(2, "", x, body: (i, c, a) -> (c, b, b), {b = Add(a, w)})
            ->  b = Add(x, w); loop_b = Add(b, w); y = loop_b
                s = Concat(Unsqueeze(b), Unsqueeze(loop_b))

    1. The body hands the condition on as it is, or makes it of a constant that is true: nothing
       else ends the loop.
    2. It has at most `largest` nodes in the end, and runs at least once if it collects something:
       else nobody knows the shapes of that.
    3. Names stay at the first trip, if they can.
    """
    body = body_of(node)
    carried = len(node.input) - 2
    results = [value.name for value in body.output]
    if (
        carried < 0
        or len(body.input) != 2 + carried
        or len(results) < 1 + carried
        or (trips > 0 and not goes_on(body))
        or not int(collects(node)) <= trips <= largest // nodes_of_a_trip(node)
    ):
        return None
    before = node.name or next(filter(None, node.output), "loop")
    whole = Inlined()
    condition = inliner.unique("condition", before)
    whole.tensors.append(numpy_helper.from_array(np.array(True), condition))
    values = [*node.input[2:]]
    collected: list[list[str]] = [[] for _ in results[1 + carried :]]
    for trip in range(trips):
        number = inliner.unique("trip", before)
        whole.tensors.append(numpy_helper.from_array(np.array(trip, np.int64), number))
        names = (number, condition, *values)
        given = {one.name: name for one, name in zip(body.input, names, strict=True)}
        part, new = inliner.copied(body, given, before)
        whole.nodes += part.nodes
        whole.tensors += part.tensors
        found = [new.get(name, name) for name in results[1:]]
        values = found[:carried]
        for all_of, one in zip(collected, found[carried:], strict=True):
            all_of.append(one)
    for value, result in zip(values, node.output, strict=False):
        if result:
            whole.nodes.append(identity(value, result))
    axis = inliner.unique("axis", before)
    whole.tensors.append(numpy_helper.from_array(np.array([0], np.int64), axis))
    for all_of, result in zip(collected, node.output[carried:], strict=False):
        if result:
            rows = [inliner.unique("row", before) for _ in all_of]
            for value, row in zip(all_of, rows, strict=True):
                if opset < 13:
                    made = helper.make_node("Unsqueeze", [value], [row], row, axes=[0])
                else:
                    made = helper.make_node("Unsqueeze", [value, axis], [row], row)
                whole.nodes.append(made)
            whole.nodes.append(helper.make_node("Concat", rows, [result], result, axis=0))
    return whole


def nodes_of_a_trip(node: NodeProto) -> int:
    """Return how many nodes of `LARGEST` a trip takes."""
    body = body_of(node)
    return 1 + len(body.node) + int(body.ByteSize()) // BYTES


def collects(node: NodeProto) -> bool:
    """Return whether somebody takes what a ``Loop`` makes of each trip."""
    return any(node.output[len(node.input) - 2 :])


def body_of(node: NodeProto) -> GraphProto:
    """Return the graph that a ``Loop`` repeats."""
    body: GraphProto = next(a.g for a in node.attribute if a.name == "body")
    return body


def goes_on(body: GraphProto) -> bool:
    """Return whether the condition that a body makes is the one that it got, or always true."""
    name = body.output[0].name
    maker = {result: node for node in body.node for result in node.output}
    while name in maker and maker[name].op_type in ("Identity", "Cast"):
        name = maker[name].input[0]
    if len(body.input) > 1 and name == body.input[1].name:
        return True
    constants = {tensor.name: tensor for tensor in body.initializer}
    if name in maker and maker[name].op_type == "Constant":
        return any(a.name == "value" and _is_true(a.t) for a in maker[name].attribute)
    return name in constants and _is_true(constants[name])


def _is_true(tensor: TensorProto) -> bool:
    return tensor.data_type == TensorProto.BOOL and bool(numpy_helper.to_array(tensor).all())
