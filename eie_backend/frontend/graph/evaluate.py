"""`evaluated`: the results of one node whose inputs are constants, within bounds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, TypeProto, numpy_helper
from onnx.helper import make_tensor_type_proto, np_dtype_to_tensor_dtype

from eie_backend.errors import is_out_of_memory
from eie_backend.frontend.graph.inference import inferred, one_node, static_shape

ELEMENTS = 1 << 16
"""Of a value that is folded: shapes, indices and masks are small; weights are TVM's to fold."""

OPERATORS = frozenset(
    "Abs Add And Cast CastLike Ceil Concat ConstantOfShape CumSum Div Equal Expand Flatten Floor "
    "Gather GatherND Greater GreaterOrEqual Identity Less LessOrEqual Max Min Mod Mul Neg NonZero "
    "Not OneHot Or Pow Range ReduceMax ReduceMin ReduceProd ReduceSum Reshape ScatterND Sign Slice "
    "Split Sqrt Squeeze Sub Sum Tile Transpose Trilu Unsqueeze Where Xor".split()
)
"""What shape arithmetic is made of: the same inputs give the same values, in time by their size."""

DIVISIONS = ("Div", "Mod")


def evaluated(
    node: NodeProto, constants: Mapping[str, TensorProto], opset: int
) -> dict[str, TensorProto] | None:
    """Return the results of a node by name, None if it is left alone.

    It is if one of its operands or results is larger than `ELEMENTS`, or if computing it fails or
    warns, or gives another type than ONNX's inference: whoever reads the node then says what is
    wrong with it.
    """
    types = {name: type_of(constants[name]) for name in node.input if name}
    names = [*filter(None, node.output)]
    if node.op_type == "ScatterND" and not _scatters([types.get(name) for name in node.input]):
        return None
    found: Mapping[str, TypeProto] = {}
    if node.op_type == "NonZero":
        # Of a scalar, ONNX's reference and ONNX Runtime say different things.
        shapes = [static_shape(kind) or () for kind in types.values()]
        if any(not shape or prod(shape) * len(shape) > ELEMENTS for shape in shapes):
            return None
    else:
        found = inferred(node, types, constants, opset)
        sizes = [_elements(found.get(name)) for name in names]
        if any(size is None or size > ELEMENTS for size in sizes):
            return None
    from onnx.reference import ReferenceEvaluator

    try:
        if node.op_type in DIVISIONS and _is_integer_zero(constants[node.input[1]]):
            return None
        with warnings.catch_warnings(), np.errstate(all="raise"):
            warnings.simplefilter("error")
            values = ReferenceEvaluator(one_node(node, types, constants, opset)).run(None, {})
        results = {
            name: _tensor(np.asarray(value), name)
            for name, value in zip(names, values, strict=True)
        }
    except Exception as error:
        # Of a node that is wrong, the reference raises many types.
        if is_out_of_memory(error):
            raise
        return None
    as_inferred = all(type_of(results[name]) == kind for name, kind in found.items())
    return results if as_inferred else None


def type_of(tensor: TensorProto) -> TypeProto:
    """Return the type of a constant."""
    return make_tensor_type_proto(tensor.data_type, list(tensor.dims))


def is_small(tensor: TensorProto) -> bool:
    """Return whether a constant takes part in shape arithmetic."""
    return (
        tensor.data_type not in (TensorProto.UNDEFINED, TensorProto.STRING)
        and all(extent >= 0 for extent in tensor.dims)
        and prod(tensor.dims) <= ELEMENTS
    )


def _tensor(value: NDArray[np.generic], name: str) -> TensorProto:
    np_dtype_to_tensor_dtype(value.dtype)  # raises of what is no tensor
    return numpy_helper.from_array(value, name)


def _elements(kind: TypeProto | None) -> int | None:
    shape = static_shape(kind)
    return None if shape is None else prod(shape)


def _scatters(types: Sequence[TypeProto | None]) -> bool:
    """Return whether updates fit the data and the indices; ONNX's reference would stretch them."""
    shapes = [static_shape(kind) for kind in types]
    if len(shapes) != 3 or None in shapes:
        return False
    data, indices, updates = (shape or () for shape in shapes)
    if not indices or not 1 <= indices[-1] <= len(data):
        return False
    return updates == indices[:-1] + data[indices[-1] :]


def _is_integer_zero(tensor: TensorProto) -> bool:
    values = numpy_helper.to_array(tensor)
    return values.dtype.kind in "iu" and not values.all()
