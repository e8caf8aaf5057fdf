"""What the nodes of an ONNX graph are called, whether it is imported or only read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from onnx import GraphProto, NodeProto

from eie_backend.names.rule import aliases, identifier, source_name
from eie_backend.names.unique import unique_names

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators that are layers if an operand is constant: the weights."""

RECURRENT = ("DynamicQuantizeLSTM", "GRU", "LSTM", "RNN")
"""Operators that are several layers, whose names begin with that of the node."""

SCOPES = "pkg.torch.onnx.name_scopes"
"""Under this key PyTorch notes the modules around a node, the innermost before the operation."""


@dataclass(frozen=True)
class NamedNode:
    """A node with a name of its own, and what else it is called if it is a layer.

    Attributes
    ----------
    name : str
        An identifier that no other node and no input has.
    wanted : str
        The same before it was numbered: what nodes with the same weights have together.
    tensor : str or None
        The initializer that a layer's weights come from, "" if there is no single one; None if the
        node is no layer.
    aliases : tuple of str
        A layer's other names: those of its module, its weights and its node.
    renamed : bool
        Whether it is a layer that is not called after its node.
    """

    name: str
    wanted: str
    tensor: str | None
    aliases: tuple[str, ...] = ()
    renamed: bool = False


def named_nodes(graph: GraphProto, weights: Collection[str] = ()) -> list[NamedNode]:
    """Return the names of a graph's nodes, in their order; those of inner graphs are left out.

    Parameters
    ----------
    graph : GraphProto
        Trusted or not.
    weights : collection of str
        Initializers that the graph has beside its own.
    """
    constants = {text_of(tensor.name) for tensor in graph.initializer} | {*weights}
    tensors = [*_tensors(graph, constants)]
    modules = [*map(_module, graph.node)]
    alone = _modules_with_one_layer(modules, tensors)
    scopes = [module if module in alone else "" for module in modules]
    called = [
        label(node) if tensor is None else source_name(tensor, scope, label(node))
        for node, tensor, scope in zip(graph.node, tensors, scopes, strict=True)
    ]
    wanted = [*map(identifier, called)]
    # First those with the name of a parameter or module, as that is theirs everywhere.
    ranks = [int(name == label(node)) for node, name in zip(graph.node, called, strict=True)]
    inputs = {text_of(value.name) for value in graph.input} - constants
    names = unique_names(wanted, {name.replace(".", "_") for name in inputs}, ranks)
    # Nodes with the same weights are one layer, which has the name of the first.
    layers = dict(zip(reversed(tensors), reversed(names), strict=True))
    return [
        NamedNode(name, own, tensor)
        if tensor is None
        else NamedNode(
            name,
            own,
            tensor,
            aliases(layers[tensor] if tensor else name, tensor, module, text_of(node.name)),
            own != identifier(label(node)),
        )
        for node, name, own, tensor, module in zip(
            graph.node, names, wanted, tensors, modules, strict=True
        )
    ]


def label(node: NodeProto) -> str:
    """Return what a node is called, or its first result if it is called nothing."""
    return text_of(node.name) or text_of(next(iter(node.output), ""))


def called(node: NodeProto) -> str:
    """Return what messages call a node: by its label, and its operator."""
    return f"{label(node)!r} ({text_of(node.op_type)})"


def text_of(name: str | bytes) -> str:
    """Return a name as text: in Python, one that is no UTF-8 is bytes."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name


def _tensors(graph: GraphProto, constants: Collection[str]) -> Iterator[str | None]:
    """Yield for each node the initializer that its weights come from; see `NamedNode`.

    What is computed from constants alone comes from where the first of them comes from.
    """
    sources = {name: name for name in constants}
    for node in graph.node:
        inputs = [text_of(name) for name in node.input if name]
        if all(name in sources for name in inputs):
            joined = node.op_type == "Concat"  # several weights, of which none is the layer's
            source = sources[inputs[0]] if inputs and not joined else ""
            sources.update((text_of(name), source) for name in node.output)
            yield None
        elif node.op_type in LAYERS:
            # On the right, if both operands of a product could be weights.
            yield next((sources[name] for name in reversed(inputs[:2]) if name in sources), None)
        elif node.op_type in RECURRENT and all(name in sources for name in inputs[1:3]):
            yield ""
        else:
            yield None


def _module(node: NodeProto) -> str:
    """Return the path of the innermost module in which a node is said to stand."""
    noted = next((one.value for one in node.metadata_props if one.key == SCOPES), "")
    scopes = re.findall("'([^']*)'", text_of(noted))
    return str(scopes[-2]) if len(scopes) > 1 else ""


def _modules_with_one_layer(modules: Sequence[str], tensors: Sequence[str | None]) -> set[str]:
    """Return the modules whose name is one layer's: all their layers have the same weights."""
    found: dict[str, set[str]] = {}
    for number, (module, tensor) in enumerate(zip(modules, tensors, strict=True)):
        if tensor is not None:
            found.setdefault(module, set()).add(tensor or f"\0{number}")
    return {module for module, weights in found.items() if len(weights) == 1}
