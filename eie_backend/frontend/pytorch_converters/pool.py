"""``avg_pool``: a divisor that is given instead of the window's size."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

from tvm import relax

from eie_backend.frontend.converters._windows import windows
from eie_backend.frontend.converters.pool import averages, padded_input
from eie_backend.frontend.onnx_node import Node, constant, dtype_of, extents
from eie_backend.frontend.pytorch_converters._node import arguments, emit


def _average(node: Any, importer: Any, rank: int) -> relax.Var:
    given = arguments(node, importer)
    divisor = given["divisor_override"]
    if divisor is None:
        found: relax.Var = getattr(importer, f"_avg_pool{rank}d")(node)
        return found
    x = given["self"]
    alone = len(extents(x)) == rank + 1
    x = emit(importer, relax.op.expand_dims(x, 0)) if alone else x
    kernel = _each(given["kernel_size"], rank)
    attributes = {
        "kernel_shape": kernel,
        "strides": _each(given["stride"] or kernel, rank),
        "pads": _each(given["padding"], rank) * 2,
        "ceil_mode": int(given["ceil_mode"]),
    }
    pool = Node("AveragePool", [x], attributes, 0, 1, importer.block_builder)
    whole, found_windows = padded_input(x, windows(pool, extents(x)[2:]), 0.0)
    means = averages(whole, found_windows, True)
    sums = relax.op.multiply(means, constant(prod(kernel) / int(divisor), dtype_of(x)))
    return emit(importer, relax.op.squeeze(sums, [0]) if alone else sums)


def _each(given: Any, rank: int) -> list[int]:
    values = [given] if isinstance(given, int) else [*given]
    return [int(one) for one in (values * rank if len(values) == 1 else values)]


CONVERTERS = {
    "avg_pool2d.default": partial(_average, rank=2),
    "avg_pool3d.default": partial(_average, rank=3),
}
