"""Slices that start where data say; beyond the end they are moved back inside."""

from __future__ import annotations

from math import prod

import numpy as np
from tvm import relax

from eie_backend.frontend.onnx_node import constant, dtype_of, extents
from eie_backend.frontend.stablehlo_operators._indices import clamped, plus
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation, known


def dynamic_slice(operation: Operation) -> relax.Expr:
    """Emit a part of fixed sizes."""
    data, *starts = operation.inputs
    shape, sizes = extents(data), operation.ints("slice_sizes")
    for axis, (extent, size) in enumerate(zip(shape, sizes, strict=True)):
        if size == extent:
            continue
        start = clamped(operation, starts[axis], extent - size)
        if (at := known(start)) is not None:
            part = relax.op.strided_slice(data, [axis], [int(at)], [int(at) + size])
        else:
            places = plus(operation, start, constant(np.arange(size), dtype_of(start)))
            part = relax.op.take(data, places, axis, mode="clip")
        data = operation.emit(part)
    return data


def dynamic_update_slice(operation: Operation) -> relax.Expr:
    """Emit data with an update in place of a part of it."""
    data, update, *starts = operation.inputs
    shape, sizes = extents(data), extents(update)
    if not prod(sizes):
        return data
    axes = [axis for axis, extent in enumerate(shape) if sizes[axis] != extent]
    inside = {axis: clamped(operation, starts[axis], shape[axis] - sizes[axis]) for axis in axes}
    if all(known(one) is not None for one in inside.values()):
        at = {
            axis: int(values) for axis, one in inside.items() if (values := known(one)) is not None
        }
        return _replaced(operation, data, update, at)
    mask = None
    for axis, start in inside.items():
        kind = dtype_of(start)
        along = [1] * len(shape)
        along[axis] = shape[axis]
        numbers = constant(np.arange(shape[axis]), kind)
        offset = operation.emit(relax.op.subtract(numbers, start))
        update = operation.emit(relax.op.take(update, offset, axis, mode="clip"))
        covered = operation.emit(
            relax.op.logical_and(
                relax.op.greater_equal(offset, constant(0, kind)),
                relax.op.less(offset, constant(sizes[axis], kind)),
            )
        )
        covered = operation.arranged(covered, None, along)
        mask = covered if mask is None else operation.emit(relax.op.logical_and(mask, covered))
    return operation.emit(relax.op.where(mask, update, data))


def _replaced(
    operation: Operation, data: relax.Expr, update: relax.Expr, starts: dict[int, int]
) -> relax.Expr:
    """Emit data with an update at known places, of which it has fewer values along some axes."""
    if not starts:
        return update
    (axis, start), *rest = starts.items()
    extent, size = extents(data)[axis], extents(update)[axis]

    def part(low: int, high: int) -> relax.Expr:
        return operation.emit(relax.op.strided_slice(data, [axis], [low], [high]))

    stop = start + size
    middle = _replaced(operation, part(start, stop), update, dict(rest)) if rest else update
    parts = [part(0, start)] if start else []
    parts += [middle, *([part(stop, extent)] if stop < extent else [])]
    return operation.emit(relax.op.concat(parts, axis))


CONVERTERS: dict[str, Conversion] = {
    "stablehlo.dynamic_slice": dynamic_slice,
    "stablehlo.dynamic_update_slice": dynamic_update_slice,
}
