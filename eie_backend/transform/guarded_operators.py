"""Which operands of Relax operators decide what memory they touch, and what is allowed there.

TVM's code takes indices as they are: one past the end reads or writes memory of others, and an
integer division by zero ends the process. `GuardOperands` checks what this table names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Protocol

import numpy as np
from tvm import relax
from tvm.ir.expr import GenericConst
from tvm.tirx import IntImm

LARGEST_COORDINATE = 1 << 20
"""Of a region of interest, in pixels; the operators count up to it in 32 bits."""


class UnknownShape(Exception):
    """Indices into a tensor whose extents are not known."""


class Check(Protocol):
    """What an operator's row asks for; each method returns the operand to compute on."""

    def within(self, operand: relax.Expr, low: Sequence[int], high: Sequence[int]) -> relax.Expr:
        """Demand values in a range, or in one for each place on the last axis; NaN is in none."""

    def divides(self, dividend: relax.Expr, divisor: relax.Expr) -> relax.Expr:
        """Demand a divisor that is not 0, nor -1 under the lowest integer; return the divisor."""

    def require(self, holds: bool, fault: str) -> None:
        """Demand what shapes and attributes alone decide."""


Row = Callable[[relax.Call, Check], Sequence[relax.Expr] | relax.Call | None]
"""Returns a call's operands, checked, or a call to take its place; None if it may stay as it is."""


def extents(value: relax.Expr) -> list[int]:
    """Return the shape of a tensor.

    Raises
    ------
    UnknownShape
        If it depends on data.
    """
    shape = getattr(value.ty, "shape", None)
    values = getattr(shape, "values", None)
    if values is None or not all(isinstance(extent, IntImm) for extent in values):
        raise UnknownShape("a shape that depends on data; give it a fixed one")
    return [int(extent) for extent in values]


def dtype(value: relax.Expr) -> str:
    """Return a tensor's dtype."""
    return str(value.ty.dtype)


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
    axis = _axis(call, data)
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
    axis = _axis(call, data)
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
    check.require(call.attrs.layout == "NCHW" and min(extents(data)) > 0, "its input is empty")
    low, high = [-LARGEST_COORDINATE] * 4, [LARGEST_COORDINATE] * 4
    return [data, check.within(regions, [0, *low], [extents(data)[0] - 1, *high])]


def _grid_sample(call: relax.Call, check: Check) -> Sequence[relax.Expr]:
    data, grid = call.args
    return [data, check.within(grid, [-LARGEST_COORDINATE], [LARGEST_COORDINATE])]


def _divide(call: relax.Call, check: Check) -> Sequence[relax.Expr] | None:
    dividend, divisor = call.args
    if "int" not in dtype(divisor):
        return None
    return [dividend, check.divides(dividend, divisor)]


def _shift(call: relax.Call, check: Check) -> Sequence[relax.Expr]:
    value, places = call.args
    bits = int(value.ty.dtype.dtype.bits)
    return [value, check.within(places, [0], [bits - 1])]


def _topk(call: relax.Call, check: Check) -> None:
    (data,) = call.args
    most, k = extents(data)[_axis(call, data)], int(call.attrs.k)
    check.require(0 < k <= most, f"k = {k}, allowed is 1..{most}")


def _pad(call: relax.Call, check: Check) -> None:
    widths = [int(width) for width in call.attrs.pad_width]
    mode = str(call.attrs.pad_mode)
    for fault in pad_faults(extents(call.args[0]), widths[::2], widths[1::2], mode):
        check.require(False, fault)


def pad_faults(
    shape: Sequence[int], before: Sequence[int], after: Sequence[int], mode: str
) -> Iterator[str]:
    """Yield what a padding repeats or cuts off that is not there.

    Parameters
    ----------
    shape, before, after : sequence of int
        Extents, and values to add on either side; negative ones are cut off.
    mode : {"constant", "reflect", "edge", "replicate", "wrap", "circular"}
        ONNX's name, or PyTorch's.
    """
    for axis, (extent, *pads) in enumerate(zip(shape, before, after, strict=True)):
        repeats = mode != "constant"
        most = {"reflect": extent - 1, "wrap": extent, "circular": extent}.get(mode)
        if extent + sum(pads) < 0 or (repeats and min(pads) < -extent):
            yield f"pads {pads} of axis {axis} cut off more than {extent}"
        elif repeats and max(pads) > 0 and extent == 0:
            yield f"pads {pads} of axis {axis}, which is empty: there is nothing to repeat"
        elif most is not None and max(pads) > most:
            yield f"pads {pads} of axis {axis}, allowed is up to {most} ({mode})"


def _window(call: relax.Call, check: Check) -> None:
    """Demand of a convolution or a pooling what TVM takes for granted."""
    for name, low in {
        "pool_size": 1,
        "strides": 1,
        "dilation": 1,
        "padding": 0,
        "groups": 1,
    }.items():
        given = getattr(call.attrs, name, None)
        sizes = [int(one) for one in given] if isinstance(given, Sequence) else [given]
        wrong = [int(size) for size in sizes if size is not None and int(size) < low]
        check.require(not wrong, f"{name} has {wrong}, allowed is at least {low}")
    sizes = [int(one) for one in getattr(call.attrs, "pool_size", ())]
    pads = [int(one) for one in call.attrs.padding]
    wide = [pad for pad, size in zip(pads, [*sizes, *sizes], strict=False) if pad >= size]
    check.require(not wide, f"padding {pads} is not below pool_size {sizes}")


def _scan(call: relax.Call, check: Check) -> None:
    axis, rank = call.attrs.axis, len(extents(call.args[0]))
    inside = axis is None or -rank <= int(axis) < rank
    check.require(inside, f"axis is {axis}, allowed is {-rank}..{rank - 1}")


def _split(call: relax.Call, check: Check) -> None:
    given, extent = call.attrs.indices_or_sections, extents(call.args[0])[_axis(call, call.args[0])]
    if isinstance(given, Sequence):
        at = [0, *(int(one) for one in given), extent]
        check.require(at == sorted(at), f"it splits {extent} at {at[1:-1]}")


def _slice(call: relax.Call, check: Check) -> None:
    if len(call.args) == 5 and isinstance(call.args[4], relax.Tuple):
        steps = [int(s) for s in call.args[4].fields if isinstance(s, IntImm)]
        check.require(0 not in steps, "a step is 0")


def _dynamic_slice(call: relax.Call, check: Check) -> Sequence[relax.Expr] | relax.Call | None:
    data, *bounds = call.args
    if not all(isinstance(bound, GenericConst) for bound in bounds):
        return None
    begin, end, steps = (bound.value.numpy().astype(np.int64).tolist() for bound in bounds)
    check.require(0 not in steps, "a step is 0")
    if 0 in steps:
        return None
    return relax.op.strided_slice(data, list(range(len(begin))), begin, end, steps)


def _axis(call: relax.Call, data: relax.Expr) -> int:
    return int(call.attrs.axis) % len(extents(data))


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


GUARDED: Mapping[str, Row] = {
    "relax.divide": _divide,
    "relax.floor_divide": _divide,
    "relax.floor_mod": _divide,
    "relax.mod": _divide,
    "relax.left_shift": _shift,
    "relax.right_shift": _shift,
    "relax.dynamic_strided_slice": _dynamic_slice,
    "relax.gather_elements": _gather_elements,
    "relax.gather_nd": _gather_nd,
    "relax.image.grid_sample": _grid_sample,
    "relax.index_put": _index_put,
    "relax.index_tensor": _index_tensor,
    "relax.nn.pad": _pad,
    "relax.scatter_elements": _scatter_elements,
    "relax.scatter_nd": _scatter_nd,
    "relax.strided_slice": _slice,
    "relax.take": _take,
    "relax.topk": _topk,
    "relax.vision.roi_align": _roi,
    "relax.vision.roi_pool": _roi,
    "relax.cumprod": _scan,
    "relax.cumsum": _scan,
    "relax.split": _split,
    **dict.fromkeys(
        (
            *(f"relax.nn.{kind}_pool{n}d" for kind in ("avg", "max") for n in (1, 2, 3)),
            *(f"relax.nn.conv{n}d{kind}" for kind in ("", "_transpose") for n in (1, 2, 3)),
        ),
        _window,
    ),
}
"""By operator."""
