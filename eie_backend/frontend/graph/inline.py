"""`Inliner`: the nodes of an inner graph become a part of the graph around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from onnx import GraphProto, NodeProto, TensorProto, helper

from eie_backend.frontend.graph.inference import inner_graphs


@dataclass
class Inlined:
    """What takes the place of a node, in order, and the constants that it reads."""

    nodes: list[NodeProto] = field(default_factory=list)
    tensors: list[TensorProto] = field(default_factory=list)


class Inliner:
    """Inner graphs that become parts of one graph, whose names theirs must not repeat."""

    def __init__(self, graph: GraphProto) -> None:
        self._names = {value.name for value in (*graph.input, *graph.initializer)}
        self._names |= {name for node in graph.node for name in node.output}

    def unique(self, name: str, before: str) -> str:
        """Return a name that nothing else has: this one, if it can be, else after another one."""
        found, number = name, 1
        while found in self._names:
            found = f"{before}_{name}" if number == 1 else f"{before}_{name}_{number}"
            number += 1
        self._names.add(found)
        return found

    def copied(
        self, inner: GraphProto, given: Mapping[str, str], before: str
    ) -> tuple[Inlined, dict[str, str]]:
        """Return an inner graph's nodes and constants, and what its values are called now.

        Names in `given` become those that it says; others stay unless the graph has them, then
        `before` is before them.
        """
        own = {tensor.name for tensor in inner.initializer}
        own |= {name for one in inner.node for name in one.output if name}
        new = dict(given)
        for name in sorted(own - new.keys()):
            new[name] = self.unique(name, before)
        found = Inlined([_renamed(one, new) for one in inner.node])
        for tensor in inner.initializer:
            copy = TensorProto()
            copy.CopyFrom(tensor)
            copy.name = new[tensor.name]
            found.tensors.append(copy)
        return found, new


def identity(value: str, result: str) -> NodeProto:
    """Return a node that gives a value a second name."""
    return helper.make_node("Identity", [value], [result], result)


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
