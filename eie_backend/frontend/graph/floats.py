"""`as_float32`: a model that computes in half precision computes in float32, which is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, numpy_helper

from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.inference import inner_graphs

HALVES: Mapping[int, str] = {TensorProto.FLOAT16: "float16", TensorProto.BFLOAT16: "bfloat16"}
"""What becomes float32."""

TYPES = ("dtype", "output_datatype", "output_dtype", "softmax_precision", "stash_type", "to")
"""Attributes that are the number of a type."""


def as_float32(proto: ModelProto, context: Context) -> list[str]:
    """Replace float16 and bfloat16 by float32 throughout a model, in place.

    Before -> after::

        h = Cast(x, to=float16); y = MatMul(h, w: float16)
            ->  h = Cast(x, to=float32); y = MatMul(h, w: float32)

    1. Values keep their numbers: float32 holds all of both types. What is computed is rounded less.
    2. Types of inputs, results, initializers, constants, attributes and inner graphs all change, so
       types that fitted each other still do.
    3. A model without these types is left alone.
    """
    given = [
        value.name
        for value in proto.graph.input
        if value.type.tensor_type.elem_type in HALVES and value.name not in context.weights
    ]
    found = {*_in_graph(proto.graph)}
    for function in proto.functions:
        found |= {*_in_nodes(function.node)}
    if not found:
        return []
    kinds = " and ".join(HALVES[kind] for kind in sorted(found))
    inputs = f"; give {', '.join(given)} as float32" if given else ""
    return [f"what is {kinds} in it is computed in float32{inputs}"]


def _in_graph(graph: GraphProto) -> Iterator[int]:
    """Change a graph, and yield each type that was replaced."""
    for tensor in graph.initializer:
        yield from _in_tensor(tensor)
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield from _in_type(value.type)
    yield from _in_nodes(graph.node)


def _in_nodes(nodes: Iterable[NodeProto]) -> Iterator[int]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.name in TYPES and attribute.i in HALVES:
                yield attribute.i
                attribute.i = TensorProto.FLOAT
            for tensor in [attribute.t] if attribute.HasField("t") else attribute.tensors:
                yield from _in_tensor(tensor)
            for kind in [attribute.tp] if attribute.HasField("tp") else attribute.type_protos:
                yield from _in_type(kind)
        for graph in inner_graphs(node):
            yield from _in_graph(graph)


def _in_tensor(tensor: TensorProto) -> Iterator[int]:
    if tensor.data_type in HALVES:
        yield tensor.data_type
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _in_type(kind: TypeProto) -> Iterator[int]:
    which = kind.WhichOneof("value")
    if which == "tensor_type" and kind.tensor_type.elem_type in HALVES:
        yield kind.tensor_type.elem_type
        kind.tensor_type.elem_type = TensorProto.FLOAT
    elif which in ("sequence_type", "optional_type"):
        yield from _in_type(getattr(kind, which).elem_type)
