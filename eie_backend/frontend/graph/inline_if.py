"""`Branches`: the nodes of the branch that an ``If`` takes, with names of their own."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import GraphProto, NodeProto, TensorProto, helper

from eie_backend.frontend.graph.inference import inner_graphs


class Branches:
    """Branches that become a part of a graph, whose names theirs must not repeat.

    Before -> after, for a constant condition ``c`` that holds::

        y = If(c, then: {a = MatMul(x, w); b = Relu(a) -> b}, else: ...)  ->  a = MatMul(x, w)
                                                                           y = Relu(a)
    """

    def __init__(self, graph: GraphProto) -> None:
        self._names = {value.name for value in (*graph.input, *graph.initializer)}
        self._names |= {name for node in graph.node for name in node.output}

    def taken(self, node: NodeProto, holds: bool) -> tuple[list[NodeProto], list[TensorProto]]:
        """Return the nodes and the initializers of a branch.

        1. Its results have the names of the ``If``'s; a result that no node in it makes, or that
           is returned twice, is copied by ``Identity``.
        2. Other names stay unless the graph has them, then the ``If``'s name is before them.
        """
        wanted = "then_branch" if holds else "else_branch"
        branch = next(attribute.g for attribute in node.attribute if attribute.name == wanted)
        made = {name for one in branch.node for name in one.output if name}
        new: dict[str, str] = {}
        copies = []
        for inner, outer in zip(branch.output, node.output, strict=False):
            if inner.name in made and inner.name not in new:
                new[inner.name] = outer
            elif outer:
                copies.append((inner.name, outer))
        own = made | {tensor.name for tensor in branch.initializer}
        for name in sorted(own - new.keys()):
            new[name] = self._unique(name, node.name or node.output[0])
        nodes = [_renamed(one, new) for one in branch.node]
        nodes += [
            helper.make_node("Identity", [new.get(inner, inner)], [outer], f"{node.name}_{outer}")
            for inner, outer in copies
        ]
        tensors = []
        for tensor in branch.initializer:
            copy = TensorProto()
            copy.CopyFrom(tensor)
            copy.name = new[tensor.name]
            tensors.append(copy)
        return nodes, tensors

    def _unique(self, name: str, before: str) -> str:
        found, number = name, 1
        while found in self._names:
            found = f"{before}_{name}" if number == 1 else f"{before}_{name}_{number}"
            number += 1
        self._names.add(found)
        return found


def _renamed(node: NodeProto, new: Mapping[str, str]) -> NodeProto:
    copy = NodeProto()
    copy.CopyFrom(node)
    for names in (copy.input, copy.output):
        for at, name in enumerate(names):
            names[at] = new.get(name, name)
    for graph in inner_graphs(copy):
        _rename(graph, new)
    return copy


def _rename(graph: GraphProto, new: Mapping[str, str]) -> None:
    """Rename what an inner graph takes from around it, in place; its own names hide others."""
    own = {value.name for value in (*graph.input, *graph.initializer)}
    own |= {name for node in graph.node for name in node.output}
    outer = {name: to for name, to in new.items() if name not in own}
    for at, node in enumerate([*graph.node]):
        graph.node[at].CopyFrom(_renamed(node, outer))
    for value in graph.output:
        value.name = outer.get(value.name, value.name)
