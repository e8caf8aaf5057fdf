"""Reductions: largest and smallest values, products, variances with means; group normalisation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

from tvm import relax

from eie_backend.frontend.onnx_node import constant, dtype_of
from eie_backend.frontend.pytorch_converters._node import accumulated, arguments, emit


def _extreme(node: Any, importer: Any, operator: Callable[..., relax.Expr]) -> relax.Var:
    given = arguments(node, importer)
    axes = [int(axis) for axis in given["dim"]] or None
    return emit(importer, operator(given["self"], axes, bool(given["keepdim"])))


def product(node: Any, importer: Any) -> relax.Var:
    """Emit a product along an axis, or of all; of integers and truth values, in 64 bits."""
    given = arguments(node, importer)
    x, axis = accumulated(given, importer), given.get("dim")
    axes = None if axis is None else int(axis)
    return emit(importer, relax.op.prod(x, axes, bool(given.get("keepdim", False))))


def variance_and_mean(node: Any, importer: Any) -> relax.Var:
    """Emit both; a variance is a sum of squares over the count less `correction`."""
    given = arguments(node, importer)
    x, keeps = given["self"], bool(given["keepdim"])
    shape = [int(extent) for extent in x.ty.shape.values]
    axes = [int(axis) for axis in given["dim"] or range(len(shape))]
    count = prod(shape[axis] for axis in axes)
    correction = 1.0 if given["correction"] is None else float(given["correction"])
    mean = emit(importer, relax.op.mean(x, axes, True))
    apart = emit(importer, relax.op.subtract(x, mean))
    squares = emit(importer, relax.op.sum(relax.op.multiply(apart, apart), axes, keeps))
    divisor = constant(max(count - correction, 0.0), dtype_of(x))
    variance = emit(importer, relax.op.divide(squares, divisor))
    return emit(importer, relax.Tuple([variance, emit(importer, relax.op.mean(x, axes, keeps))]))


def group_norm(node: Any, importer: Any) -> relax.Var:
    """Emit a group normalisation, and the means and inverse deviations of its groups."""
    given = arguments(node, importer)
    x, groups = given["input"], int(given["group"])
    shape = [int(extent) for extent in x.ty.shape.values]
    kind = dtype_of(x)
    grouped = emit(importer, relax.op.reshape(x, (shape[0], groups, -1)))
    mean = emit(importer, relax.op.mean(grouped, 2, True))
    apart = emit(importer, relax.op.subtract(grouped, mean))
    variance = relax.op.mean(relax.op.multiply(apart, apart), 2, True)
    eps = constant(float(given["eps"]), kind)
    inverse = emit(importer, relax.op.rsqrt(relax.op.add(variance, eps)))
    result = emit(importer, relax.op.reshape(relax.op.multiply(apart, inverse), shape))
    channels = (1, shape[1], *[1] * (len(shape) - 2))
    if given["weight"] is not None:
        weight = relax.op.reshape(given["weight"], channels)
        result = emit(importer, relax.op.multiply(result, weight))
    if given["bias"] is not None:
        bias = relax.op.reshape(given["bias"], channels)
        result = emit(importer, relax.op.add(result, bias))
    each = (shape[0], groups)
    others = [emit(importer, relax.op.reshape(one, each)) for one in (mean, inverse)]
    return emit(importer, relax.Tuple([result, *others]))


CONVERTERS = {
    "amax.default": partial(_extreme, operator=relax.op.max),
    "amin.default": partial(_extreme, operator=relax.op.min),
    "native_group_norm.default": group_norm,
    "prod.default": product,
    "prod.dim_int": product,
    "var_mean.correction": variance_and_mean,
}
