"""Operations on each value: arithmetic, comparisons, conversions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from tvm import relax

from eie_backend.frontend.onnx_node import constant, dtype_of, is_float
from eie_backend.frontend.stablehlo_operators._known import direction_of
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation


def _erfc(x: relax.Expr) -> relax.Expr:
    return relax.op.subtract(constant(1, dtype_of(x)), relax.op.erf(x))


def _square(x: relax.Expr) -> relax.Expr:
    return relax.op.multiply(x, x)


def _cube_root(x: relax.Expr) -> relax.Expr:
    root = relax.op.power(relax.op.abs(x), constant(1 / 3, dtype_of(x)))
    return relax.op.multiply(relax.op.sign(x), root)


OPERATORS: dict[str, Callable[..., relax.Expr]] = {
    "chlo.acos": relax.op.acos,
    "chlo.acosh": relax.op.acosh,
    "chlo.asin": relax.op.asin,
    "chlo.asinh": relax.op.asinh,
    "chlo.atan": relax.op.atan,
    "chlo.atanh": relax.op.atanh,
    "chlo.cosh": relax.op.cosh,
    "chlo.erf": relax.op.erf,
    "chlo.erfc": _erfc,
    "chlo.sinh": relax.op.sinh,
    "chlo.square": _square,
    "stablehlo.abs": relax.op.abs,
    "stablehlo.add": relax.op.add,
    "stablehlo.atan2": relax.op.atan2,
    "stablehlo.cbrt": _cube_root,
    "stablehlo.ceil": relax.op.ceil,
    "stablehlo.cosine": relax.op.cos,
    "stablehlo.divide": relax.op.divide,
    "stablehlo.exponential": relax.op.exp,
    "stablehlo.floor": relax.op.floor,
    "stablehlo.is_finite": relax.op.isfinite,
    "stablehlo.log": relax.op.log,
    "stablehlo.logistic": relax.op.sigmoid,
    "stablehlo.maximum": relax.op.maximum,
    "stablehlo.minimum": relax.op.minimum,
    "stablehlo.multiply": relax.op.multiply,
    "stablehlo.negate": relax.op.negative,
    "stablehlo.power": relax.op.power,
    "stablehlo.remainder": relax.op.mod,
    "stablehlo.round_nearest_even": relax.op.round,
    "stablehlo.rsqrt": relax.op.rsqrt,
    "stablehlo.select": relax.op.where,
    "stablehlo.sign": relax.op.sign,
    "stablehlo.sine": relax.op.sin,
    "stablehlo.sqrt": relax.op.sqrt,
    "stablehlo.subtract": relax.op.subtract,
    "stablehlo.tan": relax.op.tan,
    "stablehlo.tanh": relax.op.tanh,
}
COMPARISONS: dict[str, Callable[[relax.Expr, relax.Expr], relax.Expr]] = {
    "EQ": relax.op.equal,
    "NE": relax.op.not_equal,
    "GT": relax.op.greater,
    "GE": relax.op.greater_equal,
    "LT": relax.op.less,
    "LE": relax.op.less_equal,
}


def _plain(operation: Operation, operator: Callable[..., relax.Expr]) -> relax.Expr:
    return operation.emit(operator(*operation.inputs))


def compare(operation: Operation) -> relax.Expr:
    """Emit a comparison; of a number with itself, whether it is NaN, as TVM simplifies others."""
    one, other = operation.inputs
    direction = direction_of(operation.node)
    if direction in ("EQ", "NE") and one.same_as(other) and is_float(one):
        found = operation.emit(relax.op.isnan(one))
        return found if direction == "NE" else operation.emit(relax.op.logical_not(found))
    if dtype_of(one) == "bool":  # TVM's code generator takes them for floats
        one, other = (operation.emit(relax.op.astype(x, "int8")) for x in (one, other))
    return operation.emit(COMPARISONS[direction](one, other))


def round_away(operation: Operation) -> relax.Expr:
    """Emit the next integers, the ones away from 0 for halves."""
    (x,), kind = operation.inputs, operation.dtype
    size = operation.emit(relax.op.abs(x))
    whole = operation.emit(relax.op.floor(size))
    more = relax.op.greater_equal(relax.op.subtract(size, whole), constant(0.5, kind))
    near = relax.op.add(whole, relax.op.astype(more, kind))
    return operation.emit(relax.op.multiply(relax.op.sign(x), near))


def clamp(operation: Operation) -> relax.Expr:
    """Emit values that are not below the first operand, nor above the last."""
    low, data, high = operation.inputs
    raised = operation.emit(relax.op.maximum(data, low))
    return operation.emit(relax.op.minimum(raised, high))


def convert(operation: Operation) -> relax.Expr:
    """Emit values in another dtype."""
    return operation.emit(relax.op.astype(*operation.inputs, operation.dtype))


def exponential_minus_one(operation: Operation) -> relax.Expr:
    """Emit ``exp(x) - 1``; near 0, the rounding of u = exp(x) is made good by x / log(u).

    **Source**: as `log_plus_one`.
    """
    (x,), kind = operation.inputs, operation.dtype
    one = constant(1, kind)
    u = operation.emit(relax.op.exp(x))
    far = operation.emit(relax.op.subtract(u, one))
    near = relax.op.multiply(far, relax.op.divide(x, relax.op.log(u)))
    near = relax.op.where(relax.op.equal(u, one), x, near)
    small = relax.op.less(relax.op.abs(x), one)
    return operation.emit(relax.op.where(small, near, far))


def log_plus_one(operation: Operation) -> relax.Expr:
    """Emit ``log(1 + x)``: the rounding of u = 1 + x is made good by x / (u - 1).

    **Source**: HP-15C Advanced Functions Handbook, as in Goldberg, "What every computer scientist
    should know about floating-point arithmetic", theorem 4.
    """
    (x,), kind = operation.inputs, operation.dtype
    one = constant(1, kind)
    u = operation.emit(relax.op.add(x, one))
    log = operation.emit(relax.op.log(u))
    rounded = operation.emit(relax.op.subtract(u, one))
    better = relax.op.multiply(log, relax.op.divide(x, rounded))
    exact = relax.op.logical_or(
        relax.op.equal(rounded, constant(0, kind)), relax.op.equal(u, constant(np.inf, kind))
    )
    return operation.emit(relax.op.where(exact, relax.op.add(x, constant(0, kind)), better))


def unchanged(operation: Operation) -> tuple[relax.Expr, ...]:
    """Return the operands."""
    return tuple(operation.inputs)


CONVERTERS: dict[str, Conversion] = {
    **{name: partial(_plain, operator=operator) for name, operator in OPERATORS.items()},
    "stablehlo.clamp": clamp,
    "stablehlo.compare": compare,
    "stablehlo.convert": convert,
    "stablehlo.exponential_minus_one": exponential_minus_one,
    "stablehlo.log_plus_one": log_plus_one,
    "stablehlo.round_nearest_afz": round_away,
    "stablehlo.optimization_barrier": unchanged,
}
