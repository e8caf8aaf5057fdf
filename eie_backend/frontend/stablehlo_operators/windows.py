"""``reduce_window``: pooling, and running sums, products and extremes."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import constant, dtype_of, extents, is_float
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation
from eie_backend.frontend.stablehlo_operators._padding import padded
from eie_backend.frontend.stablehlo_operators._reducers import (
    PAIRWISE,
    as_result,
    neutral,
    numeric,
    reducer_of,
    started,
)

TAPS = 128
"""Largest window that is reduced place by place: there are operators for each of them."""

SCANS = {"stablehlo.add": relax.op.cumsum, "stablehlo.multiply": relax.op.cumprod}


def reduce_window(operation: Operation) -> relax.Expr:
    """Emit a reduction of each window; what it pads with changes nothing."""
    if len(operation.inputs) != 2:
        raise ModelError(
            f"it has {len(operation.inputs) // 2} operands, it must have 1; reduce each alone"
        )
    reducer = reducer_of(operation)
    data, start = numeric(operation, operation.inputs)
    rank = len(extents(data))
    ones = [1] * rank
    window = operation.ints("window_dimensions")
    strides, between, dilations = (
        operation.ints(name, ones)
        for name in ("window_strides", "base_dilations", "window_dilations")
    )
    edges = operation.pairs("padding", rank)
    plain = max([*strides, *between, *dilations], default=1) == 1
    reduced = _scanned(operation, reducer, data, window, edges) if plain else None
    if reduced is None:
        value = neutral(reducer, dtype_of(data))
        whole = padded(operation, data, value, edges, [one - 1 for one in between])
        reduced = _pooled(operation, reducer, whole, window, strides, dilations)
    return as_result(operation, started(operation, reducer, start, reduced))


def _scanned(
    operation: Operation,
    reducer: str,
    data: relax.Expr,
    window: list[int],
    edges: list[tuple[int, int]],
) -> relax.Expr | None:
    """Emit a running sum or product from either end of an axis; None if it is none."""
    axes = [axis for axis, size in enumerate(window) if size > 1 or any(edges[axis])]
    if reducer not in SCANS or len(axes) != 1:
        return None
    (axis,) = axes
    extent = extents(data)[axis]
    if window[axis] != extent or {*edges[axis]} != {0, extent - 1}:
        return None
    backwards = edges[axis][1] > 0
    if backwards:
        data = operation.emit(relax.op.flip(data, axis))
    found = operation.emit(SCANS[reducer](data, axis, dtype_of(data)))
    return operation.emit(relax.op.flip(found, axis)) if backwards else found


def _pooled(
    operation: Operation,
    reducer: str,
    data: relax.Expr,
    window: list[int],
    strides: list[int],
    dilations: list[int],
) -> relax.Expr:
    """Emit what is made of each window of padded data."""
    spatial = [axis for axis, size in enumerate(window) if size > 1 or strides[axis] > 1]
    pools = reducer == "stablehlo.maximum" or (
        is_float(data) and reducer in ("stablehlo.add", "stablehlo.minimum")
    )
    if not spatial:
        return data
    if not pools or len(spatial) > 3:
        return _by_place(operation, reducer, data, window, strides, dilations)
    shape = extents(data)
    outer = [axis for axis in range(len(shape)) if axis not in spatial]
    batch = [shape[axis] for axis in outer]
    # Two axes are a batch and its channels.
    lead = batch if len(batch) == 2 else [prod(batch), 1]
    data = operation.arranged(data, outer + spatial, [*lead, *(shape[axis] for axis in spatial)])
    sizes, steps, apart = (
        [given[axis] for axis in spatial] for given in (window, strides, dilations)
    )
    suffix = f"pool{len(spatial)}d"
    if reducer == "stablehlo.add":
        means = getattr(relax.op.nn, f"avg_{suffix}")(data, sizes, steps, 0, apart)
        pooled = relax.op.multiply(means, constant(prod(sizes), dtype_of(data)))
    else:
        turned = reducer == "stablehlo.minimum"
        given = operation.emit(relax.op.negative(data)) if turned else data
        pooled = getattr(relax.op.nn, f"max_{suffix}")(given, sizes, steps, 0, apart)
        pooled = relax.op.negative(pooled) if turned else pooled
    found = operation.emit(pooled)
    extent = dict(zip(outer + spatial, [*batch, *extents(found)[2:]], strict=True))
    found = operation.arranged(found, None, [*extent.values()])
    back = [int(at) for at in np.argsort(outer + spatial)]
    return operation.arranged(found, back, [extent[axis] for axis in range(len(shape))])


def _by_place(
    operation: Operation,
    reducer: str,
    data: relax.Expr,
    window: list[int],
    strides: list[int],
    dilations: list[int],
) -> relax.Expr:
    """Emit the reduction of slices, one for each place of a window."""
    if prod(window) > TAPS:
        raise ModelError(
            f"its windows of {dtype_of(data)} by {reducer} are {window}, allowed are {TAPS} "
            "values; use smaller ones"
        )
    shape = extents(data)
    spans = [(size - 1) * apart for size, apart in zip(window, dilations, strict=True)]
    found = None
    for place in product(*map(range, window)):
        at = [one * apart for one, apart in zip(place, dilations, strict=True)]
        stops = [extent - span + one for extent, span, one in zip(shape, spans, at, strict=True)]
        part = operation.emit(
            relax.op.strided_slice(data, [*range(len(shape))], at, stops, strides)
        )
        found = part if found is None else operation.emit(PAIRWISE[reducer](found, part))
    return found


CONVERTERS: dict[str, Conversion] = {"stablehlo.reduce_window": reduce_window}
