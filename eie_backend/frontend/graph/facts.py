"""`Facts`: what is known of the values of an ONNX graph, for passes that look at several nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TypeProto, numpy_helper

from eie_backend.errors import is_out_of_memory
from eie_backend.frontend.graph.evaluate import type_of
from eie_backend.frontend.graph.fold_shapes import constant_of
from eie_backend.frontend.graph.inference import known_types, reads, static_shape


class Facts:
    """Constants, makers, readers and types of a graph's values by name, before a pass changes it.

    Parameters
    ----------
    proto : ModelProto
        The model; what ONNX's inference does not know of it is not known.
    """

    def __init__(self, proto: ModelProto) -> None:
        graph = proto.graph
        self.makers = {name: node for node in graph.node for name in node.output}
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.readers = defaultdict[str, list[NodeProto]](list)
        for node in graph.node:
            for name in reads(node):
                self.readers[name].append(node)
            if node.op_type == "Constant" and (value := constant_of(node)) is not None:
                self.constants[node.output[0]] = value
        self.inputs = {value.name for value in graph.input}
        self.results = {value.name for value in graph.output}
        self.types: dict[str, TypeProto] = _inferred(proto)
        self.types |= {name: type_of(tensor) for name, tensor in self.constants.items()}
        self._taken = {*self.constants, *self.makers} | self.inputs

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Return a value's shape, None if it is not known."""
        return static_shape(self.types.get(name))

    def kind(self, name: str) -> int:
        """Return a value's element type, 0 if it is not known."""
        return self.types.get(name, TypeProto()).tensor_type.elem_type

    def values(self, name: str) -> NDArray[Any]:
        """Return the values of a constant."""
        return numpy_helper.to_array(self.constants[name])

    def only_reader(self, name: str, operator: str) -> NodeProto | None:
        """Return the one node that reads a value, if it is of an operator, and no result is."""
        readers = self.readers[name]
        if name in self.results or len(readers) != 1 or readers[0].op_type != operator:
            return None
        return readers[0]

    def fresh(self, wanted: str) -> str:
        """Return a name that no value has, and give it away."""
        name, number = wanted, 0
        while name in self._taken:
            number += 1
            name = f"{wanted}.{number}"
        self._taken.add(name)
        return name


def replace(
    graph: GraphProto, made: Mapping[str, Sequence[NodeProto]], gone: Collection[str] = ()
) -> None:
    """Put nodes in the places of others, by their first result; drop those whose result is gone."""
    fresh = GraphProto()
    for node in graph.node:
        first = next(iter(node.output), "")
        if first not in gone:
            fresh.node.extend(made.get(first, [node]))
    graph.ClearField("node")
    graph.node.extend(fresh.node)


def _inferred(proto: ModelProto) -> dict[str, TypeProto]:
    try:
        with known_types(proto):
            graph = onnx.shape_inference.infer_shapes(proto).graph
    except Exception as error:
        # The model is refused later, with the node's name, by `validity_faults`.
        if is_out_of_memory(error):
            raise
        return {}
    return {one.name: one.type for one in (*graph.input, *graph.value_info, *graph.output)}
