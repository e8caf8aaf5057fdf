"""Values in another place: shapes, orders of axes, slices, concatenations."""

from __future__ import annotations

from tvm import relax

from eie_backend.frontend.onnx_node import extents
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation


def reshape(operation: Operation) -> relax.Expr:
    """Emit the values in another shape."""
    return operation.emit(relax.op.reshape(*operation.inputs, operation.shape))


def broadcast_in_dim(operation: Operation) -> relax.Expr:
    """Emit an operand whose axes become those that are named, and which is repeated on others."""
    (data,) = operation.inputs
    shape, given = operation.shape, extents(data)
    aligned = [1] * len(shape)
    for dim, extent in zip(operation.ints("broadcast_dimensions"), given, strict=True):
        aligned[dim] = extent
    # Leading ones come by themselves; so a bias stays a vector.
    first = next((n for n, extent in enumerate(aligned) if extent != 1), len(aligned))
    if aligned[first:] != given:
        data = operation.emit(relax.op.reshape(data, aligned[first:]))
    return operation.emit(relax.op.broadcast_to(data, shape))


def transpose(operation: Operation) -> relax.Expr:
    """Emit the axes in another order."""
    return operation.emit(relax.op.permute_dims(*operation.inputs, operation.ints("permutation")))


def slice_(operation: Operation) -> relax.Expr:
    """Emit a part between bounds, with steps."""
    (data,) = operation.inputs
    start, stop, step = (
        operation.ints(name) for name in ("start_indices", "limit_indices", "strides")
    )
    return operation.emit(
        relax.op.strided_slice(data, [*range(len(start))], start, stop, step or [1] * len(start))
    )


def concatenate(operation: Operation) -> relax.Expr:
    """Emit the operands one after the other along an axis."""
    axis = operation.integer("dimension")
    parts = [one for one in operation.inputs if extents(one)[axis]]
    return operation.emit(relax.op.concat(parts, axis)) if len(parts) > 1 else parts[0]


def reverse(operation: Operation) -> relax.Expr:
    """Emit the values from the end to the start of each axis that is named."""
    (data,) = operation.inputs
    for axis in operation.ints("dimensions"):
        data = operation.emit(relax.op.flip(data, axis))
    return data


CONVERTERS: dict[str, Conversion] = {
    "stablehlo.broadcast_in_dim": broadcast_in_dim,
    "stablehlo.concatenate": concatenate,
    "stablehlo.reshape": reshape,
    "stablehlo.reverse": reverse,
    "stablehlo.slice": slice_,
    "stablehlo.transpose": transpose,
}
