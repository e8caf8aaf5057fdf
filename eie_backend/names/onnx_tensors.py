"""What the initializers of an ONNX graph are called: those with a layer's weights, as the layer."""

from __future__ import annotations

from dataclasses import dataclass

from onnx import GraphProto, NodeProto, TensorProto

from eie_backend.names.onnx_graph import label, named_nodes, text_of
from eie_backend.names.rule import aliases, identifier, owner
from eie_backend.names.unique import unique_names


@dataclass(frozen=True)
class NamedTensor:
    """An initializer as recipes see it.

    Attributes
    ----------
    name : str
        The name of the layer with these weights, or a name like those of layers.
    kind : str
        "@conv" or "@dense", the layer's kind; "" if there is none.
    aliases : tuple of str
        Other names, that of the initializer among them.
    """

    name: str
    kind: str
    aliases: tuple[str, ...]

    @property
    def names(self) -> tuple[str, str, str]:
        """What a recipe may call it, as in `DenseLayer.names`."""
        return self.name, self.name, self.kind


def named_tensors(graph: GraphProto) -> dict[str, NamedTensor]:
    """Return the names of a graph's initializers, trusted or not; no two are equal."""
    found: dict[str, NamedTensor] = {}
    users: dict[str, NodeProto] = {}
    for node, named in zip(graph.node, named_nodes(graph), strict=True):
        if named.tensor:
            others = dict.fromkeys([*named.aliases, named.tensor])
            layer = NamedTensor(named.name, _kind(node), tuple(others))
            found.setdefault(named.tensor, layer)
        for operand in node.input[1:2]:
            users.setdefault(text_of(operand), node)
    rest = [name for name in map(_name, graph.initializer) if name not in found]
    taken = [layer.name for layer in found.values()]
    names = unique_names([identifier(owner(name)) if owner(name) else name for name in rest], taken)
    for tensor, name in zip(rest, names, strict=True):
        user = users.get(tensor)
        kind, node = ("", "") if user is None else (_kind(user), label(user))
        found[tensor] = NamedTensor(name, kind, (*aliases(name, tensor, "", node), tensor))
    return found


def _name(tensor: TensorProto) -> str:
    return text_of(tensor.name)


def _kind(node: NodeProto) -> str:
    return "@conv" if node.op_type == "Conv" else "@dense"
