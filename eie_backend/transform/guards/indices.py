"""Operators with indices: which operands they are, and what is allowed there.

TVM's code takes indices as they are: one past the end reads or writes memory of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, prod

from tvm import relax

from eie_backend.transform.guards.check import Check, Rows, axis_of, extents

LARGEST_COORDINATE = 1 << 20
"""Of a region of interest, in pixels; the operators count up to it in 32 bits."""

LARGEST_REACH = 16
"""How far a region may reach, in sizes of its image: the work is that of the region's area."""

MOST_SAMPLES = 128
"""On a side of a region's bin."""


def _take(call: relax.Call, check: Check) -> Sequence[relax.Expr] | relax.Call | None:
    data, index = call.args
    if call.attrs.mode != "fast":
        return None
    axis = call.attrs.axis
    extent = prod(extents(data)) if axis is None else extents(data)[int(axis)]
    index = check.within(index, [0], [extent - 1])
    # TVM warns of "fast" at every compilation.
    return relax.op.take(data, index, None if axis is None else int(axis), mode="clip")


def _gather_elements(call: relax.Call, check: Check) -> Sequence[relax.Expr]:
    data, index = call.args
    axis = axis_of(call, data)
    _require_inside(index, data, axis, check)
    return [data, check.within(index, [0], [extents(data)[axis] - 1])]


def _gather_nd(call: relax.Call, check: Check) -> Sequence[relax.Expr]:
    data, index = call.args
    shape, at = extents(data), extents(index)
    batch = int(call.attrs.batch_dims)
    check.require(
        0 <= batch < min(len(shape), len(at)) and shape[:batch] == at[:batch],
        f"batch_dims is {batch} for shapes {shape} and {at}",
    )
    return [data, _coordinates(index, shape[batch:], check)]


def _scatter_elements(call: relax.Call, check: Check) -> Sequence[relax.Expr]:
    data, index, updates = call.args
    axis = axis_of(call, data)
    _require_inside(index, data, axis, check)
    _require_shape(updates, extents(index), check)
    extent = extents(data)[axis]
    return [data, check.within(index, [-extent], [extent - 1]), updates]


def _scatter_nd(call: relax.Call, check: Check) -> Sequence[relax.Expr]:
    data, index, updates = call.args
    shape, at = extents(data), extents(index)
    _require_shape(updates, at[:-1] + shape[at[-1] :], check)
    return [data, _coordinates(index, shape, check), updates]


def _index_tensor(call: relax.Call, check: Check) -> Sequence[relax.Expr]:
    data, indices = call.args
    return [data, _of_each_axis(data, indices, check, from_the_end=False)]


def _index_put(call: relax.Call, check: Check) -> Sequence[relax.Expr]:
    data, indices, values = call.args
    fields = indices.fields if isinstance(indices, relax.Tuple) else [indices]
    shapes = [extents(field) for field in fields]
    check.require(
        len(fields) == len(extents(data)), f"{len(fields)} indices for {len(extents(data))} axes"
    )
    places = _broadcast(shapes)
    check.require(places is not None, f"indices of shapes {shapes} do not broadcast")
    _require_shape(values, places or [], check)
    return [data, _of_each_axis(data, indices, check, from_the_end=True), values]


def _roi(call: relax.Call, check: Check) -> Sequence[relax.Expr]:
    data, regions = call.args
    shape, scale = extents(data), float(call.attrs.spatial_scale)
    samples = int(getattr(call.attrs, "sample_ratio", 0))
    check.require(call.attrs.layout == "NCHW" and min(shape) > 0, "its input is empty")
    scales = isfinite(scale) and scale > 0
    check.require(scales, f"spatial_scale is {scale}, not a number above 0")
    # -1 and 0: as many as a bin has pixels.
    check.require(
        -1 <= samples <= MOST_SAMPLES, f"sampling_ratio is {samples}, not in -1..{MOST_SAMPLES}"
    )
    scale = scale if scales else 1.0
    reach = min(max(LARGEST_REACH * max(shape[2:]), scale) / scale, LARGEST_COORDINATE)
    low, high = [-int(reach)] * 4, [int(reach)] * 4
    return [data, check.within(regions, [0, *low], [shape[0] - 1, *high])]


def _grid_sample(call: relax.Call, check: Check) -> Sequence[relax.Expr]:
    data, grid = call.args
    return [data, check.within(grid, [-LARGEST_COORDINATE], [LARGEST_COORDINATE])]


def _coordinates(index: relax.Expr, shape: Sequence[int], check: Check) -> relax.Expr:
    """Check indices whose last axis has a coordinate for each leading axis of `shape`."""
    count = extents(index)[-1]
    check.require(count <= len(shape), f"{count} coordinates for {len(shape)} axes")
    high = [extent - 1 for extent in shape[:count]]
    return check.within(index, [0] * len(high), high)


def _of_each_axis(
    data: relax.Expr, indices: relax.Expr, check: Check, from_the_end: bool
) -> relax.Expr:
    """Check a tuple of indices, one for each leading axis of `data`."""
    fields = indices.fields if isinstance(indices, relax.Tuple) else [indices]
    shape = extents(data)
    check.require(len(fields) <= len(shape), f"{len(fields)} indices for {len(shape)} axes")
    checked = [
        check.within(field, [-extent * from_the_end], [extent - 1])
        for field, extent in zip(fields, shape, strict=False)
    ]
    if all(one.same_as(field) for one, field in zip(checked, fields, strict=False)):
        return indices
    return relax.Tuple(checked) if isinstance(indices, relax.Tuple) else checked[0]


def _require_inside(index: relax.Expr, data: relax.Expr, axis: int, check: Check) -> None:
    inner, outer = extents(index), extents(data)
    fits = len(inner) == len(outer) and all(
        n == axis or one <= other for n, (one, other) in enumerate(zip(inner, outer, strict=False))
    )
    check.require(fits, f"indices of shape {inner} for an input of shape {outer}, axis {axis}")


def _require_shape(value: relax.Expr, wanted: list[int], check: Check) -> None:
    found = extents(value)
    check.require(found == wanted, f"updates of shape {found}, the indices ask for {wanted}")


def _broadcast(shapes: Sequence[Sequence[int]]) -> list[int] | None:
    """Return the shape that shapes broadcast to; None if they do not."""
    rank = max(map(len, shapes))
    found = []
    for at in range(-rank, 0):
        sizes = {shape[at] for shape in shapes if len(shape) >= -at} - {1}
        if len(sizes) > 1:
            return None
        found.append(next(iter(sizes), 1))
    return found


INDICES: Rows = {
    "relax.gather_elements": _gather_elements,
    "relax.gather_nd": _gather_nd,
    "relax.image.grid_sample": _grid_sample,
    "relax.index_put": _index_put,
    "relax.index_tensor": _index_tensor,
    "relax.scatter_elements": _scatter_elements,
    "relax.scatter_nd": _scatter_nd,
    "relax.take": _take,
    "relax.vision.roi_align": _roi,
    "relax.vision.roi_pool": _roi,
}
