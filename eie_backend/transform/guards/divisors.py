"""Operators of integers that processors trap, or whose result TVM leaves open."""

from __future__ import annotations

from collections.abc import Sequence

from tvm import relax

from eie_backend.transform.guards.check import Check, Rows, dtype


def _divide(call: relax.Call, check: Check) -> Sequence[relax.Expr] | None:
    dividend, divisor = call.args
    if "int" not in dtype(divisor):
        return None
    return [dividend, check.divides(dividend, divisor)]


def _shift(call: relax.Call, check: Check) -> Sequence[relax.Expr]:
    value, places = call.args
    bits = int(value.ty.dtype.dtype.bits)
    return [value, check.within(places, [0], [bits - 1])]


DIVISORS: Rows = {
    "relax.divide": _divide,
    "relax.floor_divide": _divide,
    "relax.floor_mod": _divide,
    "relax.left_shift": _shift,
    "relax.mod": _divide,
    "relax.right_shift": _shift,
}
