"""Operators whose attributes may point outside of a tensor, or ask for less than nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from tvm import relax
from tvm.ir.expr import GenericConst
from tvm.tirx import IntImm

from eie_backend.transform.guards.check import Check, Rows, axis_of, extents


def _topk(call: relax.Call, check: Check) -> None:
    (data,) = call.args
    most, k = extents(data)[axis_of(call, data)], int(call.attrs.k)
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
    given, extent = (
        call.attrs.indices_or_sections,
        extents(call.args[0])[axis_of(call, call.args[0])],
    )
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


WINDOWED = (
    *(f"relax.nn.{kind}_pool{n}d" for kind in ("avg", "max") for n in (1, 2, 3)),
    *(f"relax.nn.conv{n}d{kind}" for kind in ("", "_transpose") for n in (1, 2, 3)),
)

SHAPES: Rows = {
    "relax.cumprod": _scan,
    "relax.cumsum": _scan,
    "relax.dynamic_strided_slice": _dynamic_slice,
    "relax.nn.pad": _pad,
    "relax.split": _split,
    "relax.strided_slice": _slice,
    "relax.topk": _topk,
    **dict.fromkeys(WINDOWED, _window),
}
