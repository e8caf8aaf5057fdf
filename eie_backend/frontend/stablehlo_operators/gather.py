"""``gather``: slices of a tensor at places that data say, such as rows of an embedding."""

from __future__ import annotations

from math import prod

import numpy as np
from jaxlib.mlir.dialects import stablehlo
from tvm import relax

from eie_backend.frontend.onnx_node import constant, dtype_of, extents
from eie_backend.frontend.stablehlo_operators._indices import clamped, plus
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation, known


def gather(operation: Operation) -> relax.Expr:
    """Emit one ``take`` of rows: the axes with indices become one in front.

    1. Indices are moved inside, so that each slice lies in the tensor.
    2. Where slices are longer than 1 along such an axis, there is an index for each of its places.
    3. What is left of a slice has axes of its own behind; then all go where the result has them.
    """
    data, indices = operation.inputs
    numbers = stablehlo.GatherDimensionNumbers(operation.node.attributes["dimension_numbers"])
    shape, sizes = extents(data), operation.ints("slice_sizes")
    vector = int(numbers.index_vector_dim)
    batch = [extent for at, extent in enumerate(extents(indices)) if at != vector]
    together = dict(
        zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True)
    )
    indexed = [*numbers.start_index_map, *together]
    long = [axis for axis in indexed if sizes[axis] > 1]
    rank = len(batch) + len(long)
    flat: relax.Expr = constant(0, "int32")
    for at, axis in enumerate(indexed):
        stride = prod(shape[other] for other in indexed[at + 1 :])
        if axis in together:
            along = [1] * rank
            # Counted among all axes of the indices.
            place = together[axis] - (together[axis] > vector)
            along[place] = -1
            index = constant(np.arange(shape[axis]).reshape(along), "int32")
        else:
            start = _component(operation, at, vector, [*batch, *[1] * len(long)])
            index = clamped(operation, start, shape[axis] - sizes[axis])  # 1.
            if axis in long:  # 2.
                along = [1] * rank
                along[len(batch) + long.index(axis)] = -1
                places = constant(np.arange(sizes[axis]).reshape(along), dtype_of(index))
                index = plus(operation, index, places)
            index = _scaled(operation, index, stride)
        flat = index if at == 0 else plus(operation, flat, index)
    # 3.
    others = [axis for axis in range(len(shape)) if axis not in indexed]
    cut = [axis for axis in others if sizes[axis] < shape[axis]]
    if cut:
        ends = [sizes[axis] for axis in cut]
        data = operation.emit(relax.op.strided_slice(data, cut, [0] * len(cut), ends))
    rest = [sizes[axis] for axis in others]
    rows = operation.arranged(
        data, [*indexed, *others], [prod(shape[axis] for axis in indexed), *rest]
    )
    every = operation.emit(relax.op.broadcast_to(flat, [*batch, *(sizes[axis] for axis in long)]))
    taken = operation.emit(relax.op.take(rows, every, 0, mode="clip"))
    behind = {axis: len(batch) + n for n, axis in enumerate([*long, *others])}
    gone = {*numbers.collapsed_slice_dims, *together}
    kept = iter([axis for axis in range(len(shape)) if axis not in gone])
    outer, offsets = iter(range(len(batch))), {*numbers.offset_dims}
    placed = [
        behind.get(next(kept)) if at in offsets else next(outer)
        for at in range(len(operation.shape))
    ]
    # The reshape makes the axes of extent 1 that have no place, and drops those that are left.
    order = [one for one in placed if one is not None]
    order += [one for one in behind.values() if one not in order]
    return operation.arranged(taken, order, operation.shape)


def _component(operation: Operation, at: int, vector: int, shape: list[int]) -> relax.Expr:
    """Return one component of the index vectors, in another shape."""
    indices = operation.inputs[1]
    if (values := known(indices)) is not None:
        one = values if vector == values.ndim else values.take(at, vector)
        return constant(one.reshape(shape), dtype_of(indices))
    if vector < len(extents(indices)):
        indices = operation.emit(relax.op.strided_slice(indices, [vector], [at], [at + 1]))
    return operation.arranged(indices, None, shape)


def _scaled(operation: Operation, index: relax.Expr, stride: int) -> relax.Expr:
    if stride == 1:
        return index
    kind = dtype_of(index)
    if (values := known(index)) is not None:
        return constant(values * stride, kind)
    return operation.emit(relax.op.multiply(index, constant(stride, kind)))


CONVERTERS: dict[str, Conversion] = {"stablehlo.gather": gather}
