"""How models spell activation functions in Relax: as bounds, or as a slope for negative values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from tvm import relax
from tvm.ir import Op
from tvm.ir.expr import GenericConst

ValueOf = Callable[[relax.Expr], relax.Expr]
"""Returns what a variable is bound to if nothing else reads it; other expressions as they are."""


class Bounds(NamedTuple):
    """``min(max(x, low), high)`` with ``low <= high``."""

    x: relax.Expr
    low: float
    high: float


class Slope(NamedTuple):
    """x, or `slope` times x where x is negative."""

    x: relax.Expr
    slope: float


def bounds_of(call: relax.Call, value_of: ValueOf) -> Bounds | None:
    """Return the bounds that nested ``maximum``, ``minimum``, ``clip`` and ``relu`` are."""
    outer = _bounds(call, value_of)
    while outer is not None and (inner := _bounds(value_of(outer.x), value_of)) is not None:
        low, high = (min(max(bound, outer.low), outer.high) for bound in (inner.low, inner.high))
        outer = Bounds(inner.x, low, high)
    return outer


def slope_of(call: relax.Call, value_of: ValueOf) -> Slope | None:
    """Return the slope that ``leakyrelu``, ``prelu``, a choice or a maximum is."""
    name = operator_of(call)
    if name == "relax.nn.leakyrelu":
        return Slope(call.args[0], float(call.attrs.alpha))
    if name == "relax.nn.prelu":
        slope = uniform(call.args[1], value_of)
        return None if slope is None else Slope(call.args[0], slope)
    if name == "relax.maximum":
        for x, other in (call.args, call.args[::-1]):
            scaled = _scaled(other, x, value_of)
            if scaled is not None and 0 <= scaled.slope <= 1:
                return scaled
    if name == "relax.where":
        return _chosen(call, value_of)
    return None


def operator_of(value: relax.Expr) -> str:
    """Return the name of the Relax operator that `value` calls, "" if it calls none."""
    is_call = isinstance(value, relax.Call) and isinstance(value.op, Op)
    return str(value.op.name) if is_call else ""


REPEATING = ("relax.astype", "relax.broadcast_to", "relax.reshape")
"""Operators that hold no other numbers than their operand; JAX puts them behind constants."""


def uniform(operand: relax.Expr, value_of: ValueOf = lambda value: value) -> float | None:
    """Return the number that a constant holds once or many times; None for all else."""
    operand = value_of(operand)
    if operator_of(operand) in REPEATING:
        return uniform(operand.args[0], value_of)
    if isinstance(operand, GenericConst):
        values = operand.value.numpy()
        same = values.size > 0 and (values == values.flat[0]).all()
        return float(values.flat[0]) if same else None
    number = getattr(operand, "value", None)
    return float(number) if isinstance(number, (int, float)) else None


def _bounds(value: relax.Expr, value_of: ValueOf) -> Bounds | None:
    name = operator_of(value)
    if name == "relax.nn.relu":
        return Bounds(value.args[0], 0.0, np.inf)
    if name == "relax.clip":
        low, high = map(uniform, value.args[1:])
        if low is None or high is None:
            return None
        return Bounds(value.args[0], low, max(low, high))
    if name not in ("relax.maximum", "relax.minimum"):
        return None
    for x, constant in (value.args, value.args[::-1]):
        bound = uniform(constant, value_of)
        if bound is not None and _same_type(x, value):
            return (
                Bounds(x, bound, np.inf) if name == "relax.maximum" else Bounds(x, -np.inf, bound)
            )
    return None


def _scaled(product: relax.Expr, x: relax.Expr, value_of: ValueOf) -> Slope | None:
    """Return the factor if `product` is x times a number."""
    value = value_of(product)
    if operator_of(value) == "relax.multiply":
        for factor, other in (value.args, value.args[::-1]):
            slope = uniform(other, value_of)
            if slope is not None and factor.same_as(x) and _same_type(x, value):
                return Slope(x, slope)
    return None


def _chosen(call: relax.Call, value_of: ValueOf) -> Slope | None:
    """Return the slope of ``where(x > 0, x, x * slope)``, written in any of four ways."""
    condition = value_of(call.args[0])
    compared = operator_of(condition)
    if compared in ("relax.greater", "relax.greater_equal"):
        kept, other = call.args[1:]
    elif compared in ("relax.less", "relax.less_equal"):
        other, kept = call.args[1:]
    else:
        return None
    x, zero = condition.args
    at_zero = uniform(zero, value_of) == 0 and kept.same_as(x) and _same_type(x, call)
    return _scaled(other, x, value_of) if at_zero else None


def _same_type(x: Any, value: Any) -> bool:
    from tvm_ffi import structural_equal

    return bool(structural_equal(x.ty, value.ty))
