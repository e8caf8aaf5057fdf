"""Types of one node's results, by ONNX's own shape inference, and the names that a node reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto

from eie_backend.errors import is_out_of_memory

IR_VERSION = 10

FREE_CONSTANTS = 4
"""First IR version whose initializers need not be inputs as well."""

UNKNOWN = TypeProto()

ALIKE = {("com.microsoft", "DynamicQuantizeLSTM"): ("LSTM", 1)}
"""Operators of ONNX with the types of results that others have, and how many inputs say them."""

TOLD = 1 << 10
"""Elements of a constant that says a shape; of larger ones, the type is enough."""


def inferred(
    node: NodeProto,
    types: Mapping[str, TypeProto],
    constants: Mapping[str, TensorProto],
    opset: int,
) -> dict[str, TypeProto]:
    """Return what is known of the types of a node's results.

    Parameters
    ----------
    node : NodeProto
        A node of ONNX's own domain.
    types : mapping of str to TypeProto
        Of the values that it reads, as far as they are known.
    constants : mapping of str to TensorProto
        Those that are constant: some results have shapes that only values say.
    opset : int
        The version of the operators.
    """
    told = {
        name: constants[name]
        for name in reads(node)
        if name in constants and prod(constants[name].dims) <= TOLD
    }
    model = one_node(node, types, told, opset)
    try:
        found = onnx.shape_inference.infer_shapes(model).graph.output
    except Exception as error:
        # The model is refused later, with the node's name, by `validity_faults`.
        if is_out_of_memory(error):
            raise
        return {}
    return {value.name: value.type for value in found}


@contextmanager
def known_types(proto: ModelProto) -> Iterator[None]:
    """Give nodes inside the ``with`` block another operator, where ONNX does not know their own."""
    strange = [
        (node, NodeProto.FromString(node.SerializeToString()))
        for node in proto.graph.node
        if (node.domain, node.op_type) in ALIKE
    ]
    for node, own in strange:
        node.CopyFrom(alike(own))
    try:
        yield
    finally:
        for node, own in strange:
            node.CopyFrom(own)


def alike(node: NodeProto) -> NodeProto:
    """Return a node of ONNX's own with results of the same types."""
    operator, inputs = ALIKE[node.domain, node.op_type]
    found = NodeProto(op_type=operator, name=node.name, output=node.output)
    found.input.extend(node.input[:inputs])
    found.attribute.extend(node.attribute)
    return found


def one_node(
    node: NodeProto,
    types: Mapping[str, TypeProto],
    constants: Mapping[str, TensorProto],
    opset: int,
) -> ModelProto:
    """Return a model of one node, whose constants are initializers."""
    model = ModelProto(ir_version=IR_VERSION)
    model.opset_import.add(version=opset)
    graph = model.graph
    graph.name = "node"
    graph.node.append(node)
    for name in dict.fromkeys(reads(node)):
        if name in constants:
            graph.initializer.append(constants[name])
            graph.initializer[-1].name = name
        else:
            graph.input.add(name=name, type=types.get(name, UNKNOWN))
    for name in filter(None, node.output):
        graph.output.add(name=name)
    return model


def reads(node: NodeProto) -> Iterator[str]:
    """Yield the values that a node reads, also in the graphs inside it."""
    yield from filter(None, node.input)
    for inner in inner_graphs(node):
        yield from free_names(inner)


def free_names(graph: GraphProto) -> Iterator[str]:
    """Yield the values that an inner graph takes from around it."""
    own = {value.name for value in (*graph.input, *graph.initializer)}
    own |= {sparse.values.name for sparse in graph.sparse_initializer}
    for node in graph.node:
        yield from (name for name in reads(node) if name not in own)
        own.update(node.output)
    yield from (value.name for value in graph.output if value.name not in own)


def inner_graphs(node: NodeProto) -> Iterator[GraphProto]:
    """Yield the graphs in a node's attributes."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH or attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def static_shape(kind: TypeProto | None) -> tuple[int, ...] | None:
    """Return the shape of a tensor if it is known, else None."""
    if kind is None or not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    if not all(dim.HasField("dim_value") and dim.dim_value >= 0 for dim in dims):
        return None
    return tuple(dim.dim_value for dim in dims)
