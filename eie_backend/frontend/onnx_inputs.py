"""Inputs that ONNX's own schemas demand of a node, and that a model leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from onnx import GraphProto, ModelProto, NodeProto, defs

from eie_backend.frontend.onnx_operators import plain_domain
from eie_backend.names.onnx_graph import called

OPTIONAL = defs.OpSchema.FormalParameterOption.Optional


def missing_inputs(proto: ModelProto) -> list[str]:
    """Return what is missing, node by node, in the graph and the graphs inside its nodes.

    TVM's importer hands what is missing to its constructors of operators, which read it unchecked.
    Operators that ONNX does not know are left to the importer.
    """
    opsets = {plain_domain(opset.domain): opset.version for opset in proto.opset_import}
    return list(_missing(proto.graph, opsets))


def unknown_operators(proto: ModelProto) -> set[str]:
    """Return the types of a graph's nodes that ONNX's own domain does not have."""
    opsets = {plain_domain(opset.domain): opset.version for opset in proto.opset_import}
    return {
        node.op_type
        for node in proto.graph.node
        if not plain_domain(node.domain) and _schema(node, opsets) is None
    }


def _missing(graph: GraphProto, opsets: Mapping[str, int]) -> Iterator[str]:
    for node in graph.node:
        schema = _schema(node, opsets)
        for number, name in enumerate(_demanded(schema, node) if schema else ()):
            if name and (number >= len(node.input) or not node.input[number]):
                yield f"node {called(node)} has no input {name}"
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _missing(inner, opsets)


def _schema(node: NodeProto, opsets: Mapping[str, int]) -> defs.OpSchema | None:
    domain = plain_domain(node.domain)
    version = min(opsets.get(domain, 1), defs.onnx_opset_version())
    try:
        return defs.get_schema(node.op_type, max(version, 1), domain)
    except (defs.SchemaError, TypeError):  # text that is no UTF-8 is bytes in Python
        return None


def _demanded(schema: defs.OpSchema, node: NodeProto) -> Iterator[str]:
    """Yield the name of each input, "" for one that may be missing."""
    formal = schema.inputs
    for number in range(max(len(node.input), schema.min_input)):
        if formal:  # the last one may stand for many
            one = formal[min(number, len(formal) - 1)]
            yield "" if one.option == OPTIONAL else one.name
