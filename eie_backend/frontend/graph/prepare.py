"""`prepare`: what is done to an ONNX graph, in order, before TVM's importer reads it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from onnx import GraphProto, ModelProto, NodeProto

from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.floats import as_float32
from eie_backend.frontend.graph.fold_shapes import fold_shapes
from eie_backend.names.onnx_graph import NamedNode, named_nodes
from eie_backend.names.unique import unique_names

Pass = Callable[[ModelProto, Context], list[str]]
"""Changes a model in place and returns what the user is told of it."""

PASSES: Sequence[Pass] = (as_float32, fold_shapes)


def prepare(
    proto: ModelProto,
    names: Sequence[NamedNode],
    context: Context,
) -> tuple[list[NamedNode], list[str]]:
    """Change a model in place, and return the names of its nodes then, and what is to be told.

    Parameters
    ----------
    proto : ModelProto
        A valid model.
    names : sequence of NamedNode
        Of its nodes: those that stay keep them.
    context : Context
        What is known beside the model.
    """
    before = {_key(node): name for node, name in zip(proto.graph.node, names, strict=True)}
    notes = [note for one in PASSES for note in one(proto, context)]
    return _names(proto.graph, before, context.weights), notes


def _key(node: NodeProto) -> tuple[str, ...]:
    return (node.op_type, *node.output)


def _names(
    graph: GraphProto, before: Mapping[tuple[str, ...], NamedNode], weights: Collection[str]
) -> list[NamedNode]:
    """Return the names of a graph's nodes; those that were there before keep theirs."""
    fresh = named_nodes(graph, weights)
    old = [before.get(_key(node)) for node in graph.node]
    taken = {one.name for one in before.values()} | {value.name for value in graph.input}
    new = [one for one, known in zip(fresh, old, strict=True) if known is None]
    unique = iter(unique_names([one.name for one in new], taken))
    return [
        replace(one, name=next(unique)) if known is None else known
        for one, known in zip(fresh, old, strict=True)
    ]
