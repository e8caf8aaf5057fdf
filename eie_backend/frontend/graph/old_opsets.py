"""`modernize`: operators of ONNX's operator sets 7 to 12 as those of 13, which TVM reads right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TypeProto, helper

from eie_backend.errors import is_out_of_memory
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.inference import inner_graphs
from eie_backend.frontend.graph.old_operators import REWRITES, attribute
from eie_backend.frontend.onnx_operators import DEFAULT_DOMAINS

OLDEST, WANTED = 7, 13


def modernize(proto: ModelProto, context: Context) -> list[str]:
    """Write the nodes of a model of operator set 7 to 12 as those of 13, in place.

    Before -> after::

        y = Slice(x), starts=[0], ends=[4], axes=[2]  ->  y = Slice(x, [0], [4], [2])

    1. What became an input is a ``Constant`` before its node; results keep their names.
    2. ``Softmax`` and its kind saw a matrix before 13: over the last axis they are what they are
       now, over another one they stand between ``Flatten`` and ``Reshape``.
    3. ``Upsample``, and ``Resize`` of 10, take the nearest value below, from coordinates without a
       shift: so ``Resize`` is told to.
    4. A model with a node that cannot be said so, such as a ``BatchNormalization`` of every single
       value, and one of `foreign` operators' nodes, stay as they are.
    """
    opsets = [opset for opset in proto.opset_import if opset.domain in DEFAULT_DOMAINS]
    if len(opsets) != 1 or not OLDEST <= opsets[0].version < WANTED:
        return []
    version = opsets[0].version
    try:
        inferred = onnx.shape_inference.infer_shapes(proto).graph
        types = {v.name: v.type for v in (*inferred.input, *inferred.value_info, *inferred.output)}
    except Exception as error:
        # The model is refused later, with the node's name, by `validity_faults`.
        if is_out_of_memory(error):
            raise
        return []
    types.update(
        {t.name: helper.make_tensor_type_proto(t.data_type, t.dims) for t in inferred.initializer}
    )
    if all(map(_can_be_said, _all_nodes(proto.graph))):
        _modernize(proto.graph, version, types, context)
        opsets[0].version = WANTED
    return []


def _all_nodes(graph: GraphProto) -> Iterator[NodeProto]:
    for node in graph.node:
        yield node
        for inner in inner_graphs(node):
            yield from _all_nodes(inner)


def _can_be_said(node: NodeProto) -> bool:
    whole = node.op_type != "BatchNormalization" or attribute(node, "spatial", 1) == 1
    return whole and node.op_type != "Scan"


def _modernize(
    graph: GraphProto, version: int, types: Mapping[str, TypeProto], context: Context
) -> None:
    nodes: list[NodeProto] = []
    for node in graph.node:
        for inner in inner_graphs(node):
            _modernize(inner, version, types, context)
        last, rewrite = REWRITES.get(node.op_type, (0, None))
        known = node.domain in DEFAULT_DOMAINS and node.op_type not in context.foreign
        if rewrite is not None and version < last and known:
            nodes += rewrite(node, types)
        else:
            nodes.append(node)
    fresh = GraphProto()
    fresh.node.extend(nodes)
    graph.ClearField("node")
    graph.node.extend(fresh.node)
