"""`check_types`: shapes and types of an imported graph's values are those that ONNX infers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import onnx
from onnx import ModelProto, NodeProto, OperatorSetIdProto, ValueInfoProto
from onnx.helper import tensor_dtype_to_np_dtype
from tvm import relax
from tvm.tirx import IntImm

from eie_backend.errors import ModelError
from eie_backend.names.onnx_graph import called

THEIRS = (
    "TVM's converter is wrong; export the model with other operators, or register a converter of "
    "your own"
)
YOURS = "the converter that you registered is wrong; correct it"

POOLS = ("AveragePool", "LpPool", "MaxPool")


def check_types(
    proto: ModelProto, values: Mapping[str, relax.Expr], operators: Collection[str] = ()
) -> None:
    """Compare what ONNX infers of a graph with what it was imported as.

    Parameters
    ----------
    proto : ModelProto
        The model.
    values : mapping of str to relax.Expr
        What each value became, by its name in the graph.
    operators : collection of str
        Those that a registered converter converted.

    Raises
    ------
    ModelError
        If shapes or types differ: of all nodes whose inputs do not.
    """
    copy = ModelProto()
    copy.CopyFrom(proto)
    # What a file says of its outputs' shapes decides nothing, and is often wrong or left out.
    for value in copy.graph.output:
        value.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(copy).graph
    kinds = {value.name: value for value in (*inferred.value_info, *inferred.output)}
    wrong: set[str] = set()
    faults = []
    for node in proto.graph.node:
        follows = bool(wrong & {*node.input})
        for name in node.output:
            if name in kinds and name in values and (said := _differs(values[name], kinds[name])):
                wrong.add(name)
                if not follows and not _is_misjudged(node, proto.opset_import):
                    faults.append(
                        f"node {called(node)}: {name} {said}: "
                        f"{YOURS if node.op_type in operators else THEIRS}"
                    )
        if follows:
            wrong |= {*node.output}
    if faults:
        raise ModelError("; ".join(faults))


def _is_misjudged(node: NodeProto, opsets: Sequence[OperatorSetIdProto]) -> bool:
    """Return whether ONNX infers another shape than it defines."""
    attributes = {one.name: one for one in node.attribute}
    if node.op_type == "ConvTranspose":  # it gives up where the shape is smaller than the input
        return "output_shape" in attributes
    opset = max((one.version for one in opsets if one.domain in ("", "ai.onnx")), default=0)
    # Before 22, it counts windows that begin in the padding at the end; no runtime does.
    return node.op_type in POOLS and opset < 22 and "ceil_mode" in attributes


def _differs(found: relax.Expr, wanted: ValueInfoProto) -> str:
    """Return how a value differs from what ONNX infers, in words; nothing if it does not."""
    kind = getattr(found, "ty", None)
    tensor = wanted.type.tensor_type
    if not isinstance(kind, relax.TensorType) or not wanted.type.HasField("tensor_type"):
        return ""
    dtype = str(tensor_dtype_to_np_dtype(tensor.elem_type)) if tensor.elem_type else ""
    if dtype and str(kind.dtype) != dtype:
        return f"is {kind.dtype}, by ONNX {dtype}"
    extents = getattr(kind.shape, "values", None)
    if extents is None or not tensor.HasField("shape"):
        return ""
    shape = [int(one) if isinstance(one, IntImm) else None for one in extents]
    by_onnx = [*_extents(wanted)]
    fits = len(shape) == len(by_onnx) and all(
        None in (one, other) or one == other for one, other in zip(shape, by_onnx, strict=True)
    )
    return "" if fits else f"has shape {_text(shape)}, by ONNX {_text(by_onnx)}"


def _extents(value: ValueInfoProto) -> Iterator[int | None]:
    for dim in value.type.tensor_type.shape.dim:
        yield dim.dim_value if dim.HasField("dim_value") else None


def _text(shape: list[int | None]) -> str:
    return f"({', '.join('?' if one is None else str(one) for one in shape)})"
