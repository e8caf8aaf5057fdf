"""`validity_faults`: what ONNX's own checker and shape inference say of a model."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

from eie_backend.frontend.graph.inference import inner_graphs
from eie_backend.frontend.graph.old_operators import attribute
from eie_backend.frontend.graph.old_opsets import OLDEST, WANTED
from eie_backend.names.onnx_graph import called
from eie_backend.transform.guards.value_sizes import VALUES

OTHERS = "eie.registered"
"""Domain of nodes that ONNX has no schema of."""

WEIGHTED = ("MatMul", "Gemm", "Conv", "ConvTranspose")
"""Operators whose second input is the weights."""

COMPUTED = (
    TensorProto.UNDEFINED,
    TensorProto.BOOL,
    *(TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64),
    *(TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64),
    *(TensorProto.FLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE),
)
"""Types of values that TVM's code computes on, and what is left open."""

TAKEN = (*COMPUTED, TensorProto.BFLOAT16)
"""Types of inputs and outputs: those in half precision become float32."""

COMPUTED_TYPES = "floats of 16 to 64 bits, integers of 8 to 64 bits and bool"

WIDE = ("Constant", "Slice")
"""Operators whose attributes may take 64 bits; TVM's importer cuts those of others."""

ALONG_AN_AXIS = (
    "Add",
    "And",
    "Div",
    "Equal",
    "Greater",
    "Less",
    "Mul",
    "Or",
    "Pow",
    "Sub",
    "Xor",
)
"""Operators whose second operand could begin at an axis of the first one."""

TERM = r"[A-Za-z ]*(?:\.{3}[A-Za-z ]*)?"
EQUATION = re.compile(f"{TERM}(?:,{TERM})*(?:->{TERM})?".encode())
INFERENCE = re.compile(r"\(op_type:\s*([^,]*), node name: (.*?)\):\s*(.*)")
BRACKETS = re.compile(r"\[\w*Error\]\s*")


def validity_faults(
    proto: ModelProto, registered: Collection[str], computed: bool = False
) -> list[str]:
    """Return what is invalid in a model, in sentences that name the node.

    Parameters
    ----------
    proto : ModelProto
        The model; its nodes have names.
    registered : collection of str
        Operators of which `register_onnx_operator` knows more than ONNX.
    computed : bool
        Whether all that is left of the model is computed: then it has no types but `COMPUTED`.
    """
    if faults := [*_unsupported(proto)]:
        return faults
    copy = ModelProto()
    copy.CopyFrom(proto)
    for node in copy.graph.node:
        if node.op_type in registered:
            node.domain = OTHERS
    known = {opset.domain for opset in copy.opset_import}
    for domain in {node.domain for node in copy.graph.node} - known - {"", "ai.onnx"}:
        copy.opset_import.add(domain=domain, version=1)
    # What a file says of its outputs' shapes decides nothing, and is often wrong or left out.
    outputs = [value.type.tensor_type for value in copy.graph.output if _is_tensor(value)]
    for kind in outputs:
        kind.shape.SetInParent()
    try:
        onnx.checker.check_model(copy, full_check=False)
        for kind in outputs:
            kind.ClearField("shape")
        # No data_prop: it would take memory for each element of any tensor of one dimension.
        inferred = onnx.shape_inference.infer_shapes(copy, check_type=True, strict_mode=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return [*_sentences(str(error))]
    return [*_sizes(inferred.graph), *(_types(inferred.graph) if computed else ())]


def _unsupported(proto: ModelProto) -> Iterator[str]:
    """Yield what ONNX allows, or does not look at, and no network on this machine has."""
    newest = onnx.defs.onnx_opset_version()
    for opset in proto.opset_import:
        if opset.domain in ("", "ai.onnx") and not 1 <= opset.version <= newest:
            yield f"its operator set is {opset.version}, known are 1..{newest}"
        elif opset.domain in ("", "ai.onnx") and opset.version < OLDEST:
            yield from _old_meanings(proto.graph)
    graph = proto.graph
    for sparse in graph.sparse_initializer:
        yield f"initializer {sparse.values.name!r} is sparse; computed are dense tensors"
    for node in graph.node:
        if any(one.name == "sparse_value" for one in node.attribute):
            yield f"node {called(node)}: its value is sparse; computed are dense tensors"
        if node.op_type == "BatchNormalization" and not attribute(node, "spatial", 1):
            yield f"node {called(node)}: it has statistics of every value"
    yield from _equations([*graph.node, *(one for f in proto.functions for one in f.node)])
    for what, values in (("input", graph.input), ("output", graph.output)):
        for value in values:
            kind = value.type.WhichOneof("value")
            if kind not in (None, "tensor_type"):
                yield f"{what} {value.name!r} is no tensor but a {str(kind).removesuffix('_type')}"
            elif value.type.tensor_type.elem_type == TensorProto.STRING:
                yield f"{what} {value.name!r} is text; this machine computes on numbers"
            elif (kind := value.type.tensor_type.elem_type) not in TAKEN:
                yield f"{what} {value.name!r} is {_type(kind)}; computed are {COMPUTED_TYPES}"
    empty = {one.name for one in graph.initializer if 0 in one.dims}
    for node in graph.node:
        for one in node.attribute if node.op_type not in WIDE else ():
            numbers = [*one.ints, one.i]
            if wide := [n for n in numbers if not -(2**31) <= n < 2**31]:
                where = f"node {called(node)}: {one.name}"
                yield f"{where} is {wide[0]}, which takes more than 32 bits"
        for name in {*node.input[1:2]} & empty if node.op_type in WEIGHTED else ():
            yield f"node {called(node)}: its weights {name} are empty"


def _equations(nodes: Iterable[NodeProto]) -> Iterator[str]:
    """Yield equations that are none: at some of them, ONNX's inference would never end."""
    for node in nodes:
        text = attribute(node, "equation", b"") if node.op_type == "Einsum" else b""
        if isinstance(text, bytes) and not EQUATION.fullmatch(text):
            equation = text.decode("utf-8", "replace")
            yield (
                f"node {called(node)}: equation {equation!r} must be terms of letters "
                "with an ellipsis at most, commas between them, and at most one ->"
            )
        for inner in inner_graphs(node):
            yield from _equations(inner.node)


def _type(number: int) -> str:
    known = TensorProto.DataType.values()
    return str(TensorProto.DataType.Name(number)) if number in known else f"of type {number}"


def _old_meanings(graph: GraphProto) -> Iterator[str]:
    """Yield nodes that meant something else before operator set 7, which TVM does not know."""
    for node in graph.node:
        axis = attribute(node, "axis")
        if node.op_type in ALONG_AN_AXIS and axis is not None:
            what = f"it broadcasts along axis {axis}"
        elif node.op_type == "Concat" and axis is None:
            what = "it has no axis"
        else:
            continue
        yield (
            f"node {called(node)}: {what}, as operator sets before {OLDEST} do: "
            f"convert the model, onnx.version_converter.convert_version(model, {WANTED})"
        )


def _is_tensor(value: ValueInfoProto) -> bool:
    return bool(value.type.WhichOneof("value") in (None, "tensor_type"))


def _sentences(text: str) -> Iterator[str]:
    found = INFERENCE.findall(text)
    for operator, node, what in dict.fromkeys(found):
        yield f"node {node!r} ({operator}): {BRACKETS.sub('', what).strip().rstrip('.')}"
    if not found:
        lines = [line.strip() for line in BRACKETS.sub("", text).splitlines() if line.strip()]
        yield " ".join(lines[:2]).rstrip(".") or "it is invalid"


def _types(graph: GraphProto) -> Iterator[str]:
    made_by = {name: node for node in graph.node for name in node.output}
    kinds = {value.name: value.type.tensor_type.elem_type for value in graph.input}
    kinds |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    kinds |= {v.name: v.type.tensor_type.elem_type for v in (*graph.value_info, *graph.output)}
    for name, kind in kinds.items():
        if kind not in (*COMPUTED, TensorProto.STRING):
            node = made_by.get(name)
            where = f"node {called(node)}: " if node else ""
            yield f"{where}{name} is {_type(kind)}; computed are {COMPUTED_TYPES}"


def _sizes(graph: GraphProto) -> Iterator[str]:
    made_by = {name: node for node in graph.node for name in node.output}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        sizes = [dim.dim_value for dim in kind.shape.dim if dim.HasField("dim_value")]
        count = 1
        for size in sizes:
            count *= size
        node = made_by.get(value.name)
        where = f"node {called(node)}" if node else f"input {value.name!r}"
        if min(sizes, default=1) < 0:
            yield f"{where}: its result {value.name} has shape {sizes}"
        elif count > VALUES:
            yield f"{where}: {value.name} has {count} values, over {VALUES}"
        elif node is None and count == 0 and value.name:
            yield f"{where}: it is empty, of shape {sizes}"
