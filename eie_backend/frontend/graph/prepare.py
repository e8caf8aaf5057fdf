"""`prepare`: what is done to an ONNX graph, in order, before TVM's importer reads it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from onnx import GraphProto, ModelProto

from eie_backend.frontend.graph.classical import spell_out_classical
from eie_backend.frontend.graph.classical_operators import REWRITES
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.einsum_layers import spell_out_einsums
from eie_backend.frontend.graph.floats import as_float32
from eie_backend.frontend.graph.fold_shapes import fold_shapes
from eie_backend.frontend.graph.inline_functions import inline_functions
from eie_backend.frontend.graph.integer_products import PRODUCTS, as_float_products
from eie_backend.frontend.graph.microsoft_products import OPERATORS, spell_out_products
from eie_backend.frontend.graph.old_opsets import modernize
from eie_backend.frontend.graph.undecided import refuse_undecided
from eie_backend.names.onnx_graph import NamedNode, named_nodes
from eie_backend.names.unique import unique_names

Pass = Callable[[ModelProto, Context], list[str]]
"""Changes a model in place and returns what the user is told of it."""

PASSES: Sequence[Pass] = (
    as_float32,
    modernize,  # its constants have the types of what they stand beside: after as_float32
    spell_out_classical,  # of the operator set that the model has by now
    spell_out_products,  # ONNX has bodies of some operators that it makes: before inline_functions
    inline_functions,  # bodies are of the operator set that the model has by now
    as_float_products,  # also of what functions are made of
    spell_out_einsums,  # also those that operators' bodies have
    fold_shapes,  # of what the others left
    refuse_undecided,  # what is not known by now, never is
)

SPELLED = frozenset({*REWRITES, *OPERATORS, *PRODUCTS})
"""Operators that the importer does not have, and that a pass replaces."""


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
    before = {
        (*node.output,): (node.op_type, name)
        for node, name in zip(proto.graph.node, names, strict=True)
    }
    notes = [note for one in PASSES for note in one(proto, context)]
    return _names(proto.graph, before, context.weights), notes


def _names(
    graph: GraphProto,
    before: Mapping[tuple[str, ...], tuple[str, NamedNode]],
    weights: Collection[str],
) -> list[NamedNode]:
    """Return the names of a graph's nodes; those that were there before keep theirs.

    What makes the same results is the same node, unless it has become a layer, or other operators
    of which one is a layer of its name.
    """
    found: list[tuple[NamedNode, bool]] = []
    names = named_nodes(graph, weights)
    layers = {one.wanted for one in names if one.tensor is not None}
    for node, fresh in zip(graph.node, names, strict=True):
        operator, known = before.get((*node.output,), ("", None))
        other = fresh.tensor is None and known is not None and known.name not in layers
        stays = known is not None and (operator == node.op_type or other)
        found.append((known if known is not None and stays else fresh, stays))
    taken = {one.name for one, stays in found if stays} | {value.name for value in graph.input}
    unique = iter(unique_names([one.name for one, stays in found if not stays], taken))
    return [one if stays else replace(one, name=next(unique)) for one, stays in found]
