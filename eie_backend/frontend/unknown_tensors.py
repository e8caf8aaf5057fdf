"""Tensors that an ONNX model reads, and that nothing in it makes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from onnx import GraphProto

from eie_backend.names.onnx_graph import called, text_of

MOST_TOLD = 5
ALIKE = 0.7
"""How alike two names must be, of 1, for one to be told for the other."""


def unknown_tensors(graph: GraphProto, known: Collection[str] = ()) -> list[str]:
    """Return what is read without being an input, an initializer, or made by a node before.

    Parameters
    ----------
    graph : GraphProto
        The graph; nodes of the graphs inside its nodes also read what is known around these.
    known : collection of str
        Tensors that the graph has besides.

    Returns
    -------
    list of str
        A sentence for each, at most `MOST_TOLD`, with the known name that is most alike.
    """
    found = list(_unknown(graph, set(known)))
    return found[:MOST_TOLD] + ["and more of the kind"] * (len(found) > MOST_TOLD)


def _unknown(graph: GraphProto, known: set[str]) -> Iterator[str]:
    known |= {text_of(value.name) for value in (*graph.initializer, *graph.input)}
    known |= {text_of(sparse.values.name) for sparse in graph.sparse_initializer}
    for node in graph.node:
        for name in map(text_of, node.input):
            if name and name not in known:
                yield f"node {called(node)} reads {_told(name, known)}"
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _unknown(inner, set(known))
        known |= {text_of(name) for name in node.output}
    for value in graph.output:
        if (name := text_of(value.name)) not in known:
            yield f"the model returns {_told(name, known)}"


def _told(name: str, known: set[str]) -> str:
    alike = get_close_matches(name, sorted(known), 1, ALIKE)
    hint = f" (there is {alike[0]!r})" if alike else ""
    return f"{name!r}{hint}, which is no input, no initializer and no result of a node before"
