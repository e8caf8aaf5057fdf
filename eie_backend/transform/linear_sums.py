"""`linear_sums`: find values that are sums of layers, ``x1 W1 + x2 W2 + ... + bias``.

Between a product and its sum there may be operations on whole rows that keep the last dimension,
such as the slice of one time step: ``rows(x W)`` equals ``rows(x) W``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray
from tvm import relax
from tvm.ir.expr import GenericConst
from tvm.tirx import IntImm

from eie_backend.transform.layers import constant_weights, is_bias, is_call, is_matmul

RowOps = tuple[Callable[[relax.Expr], relax.Expr], ...]
"""Operations on the rows of a product, which can be applied to the rows of its input instead."""


@dataclass(frozen=True, eq=False)
class Term:
    """One product: its matmul, and the operations on its rows before the sum."""

    matmul: relax.VarBinding
    row_ops: RowOps = ()

    @property
    def weights(self) -> relax.Expr:
        """The constant matrix."""
        return self.matmul.value.args[1]


@dataclass(frozen=True, eq=False)
class LinearSum:
    """A value as a sum of terms and biases (outputs,); `operands` are its partial sums."""

    var: relax.Var
    terms: tuple[Term, ...]
    biases: tuple[NDArray[np.float32], ...]
    operands: tuple[LinearSum, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return static_shape(self.var)

    @property
    def rows(self) -> int:
        """Product of all leading dimensions."""
        return prod(self.shape[:-1])

    def inner(self) -> Iterator[LinearSum]:
        """Yield the partial sums inside this sum."""
        for operand in self.operands:
            yield operand
            yield from operand.inner()


def linear_sums(function: relax.Function) -> dict[relax.Var, LinearSum]:
    """Return the linear sums of a function by variable, in order."""
    sums: dict[relax.Var, LinearSum] = {}
    for binding in (b for block in function.body.blocks for b in block.bindings):
        if isinstance(binding, relax.VarBinding) and static_shape(binding.var):
            found = _linear_sum(binding, sums)
            if found is not None:
                sums[binding.var] = found
    return sums


def static_shape(value: relax.Expr) -> tuple[int, ...]:
    """Return the static shape of a tensor; () for a scalar or an unknown or dynamic shape."""
    shape = getattr(value.ty, "shape", None)
    extents = list(getattr(shape, "values", []))
    static = all(isinstance(extent, (int, IntImm)) for extent in extents)
    return tuple(map(int, extents)) if static else ()


def _linear_sum(binding: relax.VarBinding, sums: dict[relax.Var, LinearSum]) -> LinearSum | None:
    var, value = binding.var, binding.value
    if is_matmul(value):
        is_layer = constant_weights(value) is not None and static_shape(value.args[0])
        return LinearSum(var, (Term(binding),), (), ()) if is_layer else None
    if is_call(value, "relax.add"):
        return _addition(var, value, sums)
    operand = sums.get(value.args[0]) if isinstance(value, relax.Call) and value.args else None
    row_op = None if operand is None else _row_op(value, operand.shape, static_shape(var))
    if operand is None or row_op is None:
        return None
    return LinearSum(var, _moved(operand, row_op), operand.biases, (operand,))


def _addition(
    var: relax.Var, add: relax.Call, sums: dict[relax.Var, LinearSum]
) -> LinearSum | None:
    shape = static_shape(var)
    operands = tuple(sums[arg] for arg in add.args if arg in sums)
    biases = tuple(arg.value.numpy().reshape(-1) for arg in add.args if is_bias(arg, shape[-1]))
    # An operand with as many values as the result differs from it only in dimensions of 1.
    if (
        len(operands) + len(biases) != len(add.args)
        or not operands
        or any(
            prod(operand.shape) != prod(shape) or operand.shape[-1:] != shape[-1:]
            for operand in operands
        )
    ):
        return None
    terms = tuple(
        term
        for operand in operands
        for term in (operand.terms if operand.shape == shape else _moved(operand, _reshape(shape)))
    )
    old = tuple(bias for operand in operands for bias in operand.biases)
    return LinearSum(var, terms, old + biases, operands)


def _moved(operand: LinearSum, row_op: Callable[[relax.Expr], relax.Expr]) -> tuple[Term, ...]:
    return tuple(Term(term.matmul, (*term.row_ops, row_op)) for term in operand.terms)


def _reshape(shape: tuple[int, ...]) -> Callable[[relax.Expr], relax.Expr]:
    return lambda x: relax.op.reshape(x, [*shape[:-1], static_shape(x)[-1]])


def _row_op(
    call: relax.Call, before: tuple[int, ...], after: tuple[int, ...]
) -> Callable[[relax.Expr], relax.Expr] | None:
    """Return the effect of an operation on rows, or None if it may not keep rows whole."""
    last = len(before) - 1
    if before[-1:] != after[-1:]:
        return None
    if any(is_call(call, f"relax.{name}") for name in ("reshape", "squeeze", "expand_dims")):
        return _reshape(after)
    if is_call(call, "relax.permute_dims"):
        axes = call.attrs.axes
        moves_rows = axes is not None and int(axes[-1]) % len(before) == last
    elif is_call(call, "relax.strided_slice"):
        axes = [_integer(axis) for axis in getattr(call.args[1], "fields", [None])]
        moves_rows = all(axis is not None and axis % len(before) != last for axis in axes)
    elif is_call(call, "relax.take") or is_call(call, "relax.flip"):
        axis = call.attrs.axis
        moves_rows = (
            axis is not None
            and int(axis) % len(before) != last
            and all(isinstance(index, GenericConst) for index in call.args[1:])
        )
    else:
        return None
    others = list(call.args[1:])
    return (lambda x: relax.Call(call.op, [x, *others], call.attrs)) if moves_rows else None


def _integer(axis: relax.Expr) -> int | None:
    value = getattr(axis, "value", axis)
    return int(value) if isinstance(value, (int, IntImm)) else None
