"""`padded`: values put around a tensor and between its own, or cut off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import relax

from eie_backend.frontend.onnx_node import extents, sized
from eie_backend.frontend.stablehlo_operators._operation import Operation


def padded(
    operation: Operation,
    data: relax.Expr,
    value: Any,
    edges: Sequence[tuple[int, int]],
    between: Sequence[int],
) -> relax.Expr:
    """Return data with `between` values after each of an axis but the last, then with `edges`.

    Parameters
    ----------
    operation : Operation
        Where to emit.
    data : relax.Expr
        Of any shape and dtype.
    value : number
        What is put in.
    edges : sequence of (int, int)
        How many before and after each axis; negative ones are cut off.
    between : sequence of int
        How many between two values of each axis, at least 0.
    """
    shape = extents(data)
    for axis, more in enumerate(between):
        if more and shape[axis] > 1:
            rows = [*shape[: axis + 1], 1, *shape[axis + 1 :]]
            widths = [0] * 2 * len(rows)
            widths[2 * axis + 3] = more
            spread = relax.op.nn.pad(
                operation.arranged(data, None, rows), widths, "constant", value
            )
            whole = shape[axis] * (more + 1)
            shape[axis] = whole
            flat = operation.arranged(operation.emit(spread), None, sized(shape))
            shape[axis] = whole - more
            data = operation.emit(relax.op.strided_slice(flat, [axis], [0], [whole - more]))
    cut = [axis for axis, pair in enumerate(edges) if min(pair) < 0]
    if cut:
        starts = [max(0, -edges[axis][0]) for axis in cut]
        stops = [shape[axis] - max(0, -edges[axis][1]) for axis in cut]
        data = operation.emit(relax.op.strided_slice(data, cut, starts, stops))
    widths = [max(0, one) for pair in edges for one in pair]
    sized([extent + sum(pair) for extent, pair in zip(shape, edges, strict=True)])
    return operation.emit(relax.op.nn.pad(data, widths, "constant", value)) if any(widths) else data
