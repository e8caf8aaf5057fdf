"""`in_numbers`: texts and maps that classifiers return, as far as they are numbers."""

from __future__ import annotations

from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, helper

from eie_backend.frontend.graph.inference import reads

CLASSICAL = "ai.onnx.ml"
"""The domain of operators that are no networks'."""


def in_numbers(proto: ModelProto) -> list[str]:
    """Make the results of a classifier tensors of numbers, in place, and return what is told of it.

    Before -> after::

        label: text, z: maps = ..., ZipMap(p)  ->  z = Cast(p, to=float32)

    1. Maps from classes to numbers become the tensor of the numbers, a column for each class.
    2. A result that is text is left out, with what is computed for it alone, if another one stays.
    3. A model without operators of `CLASSICAL` is left alone.
    """
    graph = proto.graph
    if not any(node.domain == CLASSICAL for node in graph.node):  # 3.
        return []
    notes, results = [], {value.name: value for value in graph.output}
    read = {name for node in graph.node for name in reads(node)}
    for node in graph.node:
        name = next(iter(node.output), "")
        if node.op_type == "ZipMap" and name in results and name not in read:
            node.op_type, node.domain = "Cast", ""  # networks in float64 have maps of float64
            node.ClearField("attribute")
            node.attribute.append(helper.make_attribute("to", TensorProto.FLOAT))
            value = results[name]
            value.CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
            notes.append(
                f"output {name!r} is maps from classes to numbers: it becomes the tensor of "
                "the numbers, a column for each class"
            )
    texts = [value for value in graph.output if _is_text(value)]
    if not texts or len(texts) == len(graph.output):
        return notes
    kept = GraphProto()
    kept.output.extend(value for value in graph.output if not _is_text(value))
    graph.ClearField("output")
    graph.output.extend(kept.output)
    _drop_unread(graph)
    names = ", ".join(repr(value.name) for value in texts)
    return [*notes, f"output {names} is text: it is left out; the largest number says the class"]


def _is_text(value: ValueInfoProto) -> bool:
    return bool(value.type.tensor_type.elem_type == TensorProto.STRING)


def _drop_unread(graph: GraphProto) -> None:
    """Leave out nodes and initializers that nothing reads, in place."""
    read = {value.name for value in graph.output}
    kept = GraphProto()
    nodes = []
    for node in reversed(graph.node):
        if read & {*node.output}:
            nodes.append(node)
            read.update(reads(node))
    kept.node.extend(reversed(nodes))
    kept.initializer.extend(tensor for tensor in graph.initializer if tensor.name in read)
    graph.ClearField("node")
    graph.ClearField("initializer")
    graph.MergeFrom(kept)
