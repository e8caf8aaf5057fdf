"""`Check`: what the rows of the tables demand of operands, and what they ask of shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from tvm import relax
from tvm.tirx import IntImm


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

Rows = Mapping[str, Row]
"""By operator."""


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


def axis_of(call: relax.Call, data: relax.Expr) -> int:
    """Return the axis of a call along which it reads `data`."""
    return int(call.attrs.axis) % len(extents(data))
