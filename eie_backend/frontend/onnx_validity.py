"""`validity_faults`: what ONNX's own checker and shape inference say of a model."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import onnx
from onnx import GraphProto, ModelProto

from eie_backend.transform.value_sizes import VALUES

OTHERS = "eie.registered"
"""Domain of nodes that ONNX has no schema of."""

INFERENCE = re.compile(r"\(op_type:\s*([^,]*), node name: (.*?)\):\s*(.*)")
BRACKETS = re.compile(r"\[\w*Error\]\s*")


def validity_faults(proto: ModelProto, registered: Collection[str]) -> list[str]:
    """Return what is invalid in a model, in sentences that name the node.

    Parameters
    ----------
    proto : ModelProto
        The model; its nodes have names.
    registered : collection of str
        Operators of which `register_onnx_operator` knows more than ONNX.
    """
    copy = ModelProto()
    copy.CopyFrom(proto)
    for node in copy.graph.node:
        if node.op_type in registered:
            node.domain = OTHERS
    known = {opset.domain for opset in copy.opset_import}
    for domain in {node.domain for node in copy.graph.node} - known - {"", "ai.onnx"}:
        copy.opset_import.add(domain=domain, version=1)
    # What a file says of its outputs' shapes decides nothing, and is often wrong or left out.
    outputs = [value.type.tensor_type for value in copy.graph.output]
    for kind in outputs:
        kind.shape.SetInParent()
    try:
        onnx.checker.check_model(copy, full_check=False)
        for kind in outputs:
            kind.ClearField("shape")
        inferred = onnx.shape_inference.infer_shapes(
            copy, check_type=True, strict_mode=True, data_prop=True
        )
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return [*_sentences(str(error))]
    return [*_sizes(inferred.graph)]


def _sentences(text: str) -> Iterator[str]:
    found = INFERENCE.findall(text)
    for operator, node, what in dict.fromkeys(found):
        yield f"node {node!r} ({operator}): {BRACKETS.sub('', what).strip()}"
    if not found:
        lines = [line.strip() for line in BRACKETS.sub("", text).splitlines() if line.strip()]
        yield " ".join(lines[:2]) or "it is invalid"


def _sizes(graph: GraphProto) -> Iterator[str]:
    made_by = {name: node for node in graph.node for name in node.output}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        sizes = [dim.dim_value for dim in kind.shape.dim if dim.HasField("dim_value")]
        count = 1
        for size in sizes:
            count *= size
        node = made_by.get(value.name)
        where = f"node {node.name!r} ({node.op_type})" if node else f"input {value.name!r}"
        if min(sizes, default=1) < 0:
            yield f"{where}: its result {value.name} has shape {sizes}"
        elif count > VALUES:
            yield f"{where}: {value.name} has {count} values, over {VALUES}"
        elif node is None and count == 0 and value.name:
            yield f"{where}: it is empty, of shape {sizes}"
