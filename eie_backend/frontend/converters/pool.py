"""Pooling: padding, rounding up and dilation by ONNX's rules; TVM's differ in each of them."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.converters._windows import Windows, windows
from eie_backend.frontend.onnx_node import Node, constant, dtype_of, extents, is_float

TAPS = 128
"""Largest window of which the places of maxima are found: there are operators for each place."""


def max_pool(node: Node) -> relax.Expr | tuple[relax.Expr, ...]:
    """Return the largest value in each window, and where it is if the node has two results."""
    x, shape = node.inputs[0], extents(node.inputs[0])
    found = windows(node, shape[2:])
    if node.results > 1:
        return _with_places(node, found)
    kind = dtype_of(x)
    lowest = -np.inf if is_float(x) else np.iinfo(kind).min
    if not found.fits_tvm or not is_float(x):
        x, found = padded_input(x, found, float(lowest))
    operator = getattr(relax.op.nn, f"max_pool{len(shape) - 2}d")
    return operator(x, found.kernel, found.strides, [*found.begin, *found.end], found.dilations)


def average_pool(node: Node) -> relax.Expr:
    """Return the mean of each window, with or without its padding."""
    x, shape = node.inputs[0], extents(node.inputs[0])
    found = windows(node, shape[2:])
    included = bool(node.number("count_include_pad", 0))
    counts = _counts(found, shape[2:], included)
    same = counts == prod(found.kernel)
    by_tvm = not included and max(found.dilations) == 1
    if found.fits_tvm and (by_tvm or same.all()):
        return averages(x, found, not by_tvm)
    sums, found = padded_input(x, found, 0.0)
    factors = constant(prod(found.kernel) / counts, dtype_of(x))
    return relax.op.multiply(averages(sums, found, True), factors)


def lp_pool(node: Node) -> relax.Expr:
    """Return the norm of each window."""
    x, shape = node.inputs[0], extents(node.inputs[0])
    p = float(node.number("p", 2))
    if not 0 < p < np.inf:
        raise ModelError(f"p is {p}, it must be above 0")
    kind = dtype_of(x)
    x, found = padded_input(x, windows(node, shape[2:]), 0.0)
    powers = relax.op.power(relax.op.abs(x), constant(p, kind))
    means = averages(powers, found, True)
    sums = relax.op.multiply(means, constant(prod(found.kernel), kind))
    return relax.op.power(sums, constant(1 / p, kind))


def averages(x: relax.Expr, found: Windows, included: bool) -> relax.Expr:
    """Return the means of windows, counting their padding or not."""
    return getattr(relax.op.nn, f"avg_pool{len(found.kernel)}d")(
        x,
        found.kernel,
        found.strides,
        [*found.begin, *found.end],
        found.dilations,
        count_include_pad=included,
    )


def padded_input(x: relax.Expr, found: Windows, value: float) -> tuple[relax.Expr, Windows]:
    """Return the input with what its windows reach beyond it, and the windows without padding."""
    none = [0] * len(found.kernel)
    widths = [0] * 4
    for before, after in zip(found.begin, found.end, strict=True):
        widths += [before, after]
    padded = relax.op.nn.pad(x, widths, "constant", value) if any(widths) else x
    plain = Windows(found.kernel, found.strides, found.dilations, none, none, none, found.out)
    return padded, plain


def _counts(found: Windows, spatial: list[int], included: bool) -> np.ndarray:
    """Return how many places each window has, of shape (1, 1, ...)."""
    counts = np.ones([1] * (len(spatial) + 2))
    for axis, extent in enumerate(spatial):
        starts = np.arange(found.out[axis])[:, None] * found.strides[axis] - found.begin[axis]
        places = starts + np.arange(found.kernel[axis]) * found.dilations[axis]
        low = -found.begin[axis] if included else 0
        high = extent + (found.declared_end[axis] if included else 0)
        along = [1] * counts.ndim
        along[axis + 2] = -1
        counts = counts * ((places >= low) & (places < high)).sum(1).reshape(along)
    if counts.min() < 1:
        raise ModelError("a window lies in the padding alone; reduce pads")
    return counts


def _with_places(node: Node, found: Windows) -> tuple[relax.Expr, relax.Expr]:
    """Return maxima, and their places in the input as one number: the first of equal ones."""
    x, (batch, channels, *spatial) = node.inputs[0], extents(node.inputs[0])
    if prod(found.kernel) > TAPS:
        raise ModelError(f"the places of maxima in windows of {found.kernel}; leave them out")
    kind = dtype_of(x)
    lowest = -np.inf if is_float(x) else np.iinfo(kind).min
    padded, _ = padded_input(x, found, float(lowest))
    by_column = bool(node.number("storage_order", 0))
    planes = np.arange(batch * channels).reshape(batch, channels, *[1] * len(spatial))
    axes = [*range(2, len(spatial) + 2)]
    best = place = None
    for taps in product(*map(range, found.kernel)):
        at = [tap * apart for tap, apart in zip(taps, found.dilations, strict=True)]
        stops = [
            begin + (count - 1) * step + 1
            for begin, count, step in zip(at, found.out, found.strides, strict=True)
        ]
        value = relax.op.strided_slice(padded, axes, at, stops, found.strides)
        grid = np.meshgrid(
            *(
                np.clip(np.arange(count) * step + one - before, 0, extent - 1)
                for count, step, one, before, extent in zip(
                    found.out, found.strides, at, found.begin, spatial, strict=True
                )
            ),
            indexing="ij",
        )
        flat = np.ravel_multi_index(grid, spatial, order="F" if by_column else "C")
        here = constant(flat[None, None] + planes * prod(spatial), "int64")
        if best is None:
            best, place = value, here
            continue
        better = node.builder.emit(relax.op.greater(value, best))
        best = node.builder.emit(relax.op.where(better, value, best))
        place = node.builder.emit(relax.op.where(better, here, place))
    return best, place


CONVERTERS = {"AveragePool": average_pool, "LpPool": lp_pool, "MaxPool": max_pool}
