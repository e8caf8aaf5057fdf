"""`DropBroadcasts`: reduce operands to the smallest shape that broadcasts to the same result."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tvm
from tvm import IRModule, relax
from tvm.ir.expr import GenericConst
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm_ffi import structural_equal

from eie_backend.transform.layers import MATRIX_RANK, is_call, map_functions
from eie_backend.transform.module_pass import ModulePass

KEPT_DIMS = {"relax.matmul": MATRIX_RANK, "relax.add": 1, "relax.maximum": 1}
"""Operators that broadcast, with the number of last dimensions of a constant to keep."""


@tvm.transform.module_pass(opt_level=0, name="eie.DropBroadcasts")
class DropBroadcasts(ModulePass):
    """Remove explicit broadcasts of importers where matmul, add and maximum broadcast themselves.

    Before -> after::

        lv = R.broadcast_to(W, (7, 6, 4))     ->  lv1 = R.matmul(x, W)
        lv1 = R.matmul(x, lv)

        R.add(x, [[1, 2], [1, 2]])            ->  R.add(x, [1, 2])

    1. The operand of ``R.broadcast_to`` replaces its result.
    2. Leading dimensions along which a constant repeats itself are dropped or reduced to 1.
    3. An operand is left alone if the result's shape would change.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module without the broadcasts."""
        dropped: list[relax.Expr] = []
        plain = map_functions(mod, _Drop(mod, dropped).visit_expr)
        return plain if dropped else mod


@mutator
class _Drop(PyExprMutator):
    def __init__(self, mod: IRModule, dropped: list[relax.Expr]) -> None:
        super().__init__(mod)
        self.dropped = dropped

    def visit_call_(self, call: relax.Call) -> relax.Expr:
        call = super().visit_call_(call)
        if not any(is_call(call, operator) for operator in KEPT_DIMS):
            return call
        for at in range(len(call.args)):
            for operand in self._smaller(call.args[at], KEPT_DIMS[call.op.name]):
                operands = [*call.args[:at], operand, *call.args[at + 1 :]]
                plain = self.builder_.normalize(relax.Call(call.op, operands, call.attrs))
                # 3.
                if structural_equal(plain.ty, call.ty):
                    call = plain
                    self.dropped.append(operand)
                    break
        return call

    def _smaller(self, operand: relax.Expr, kept: int) -> Iterator[relax.Expr]:
        """Yield the operand in smaller shapes, smallest first."""
        source = operand
        while isinstance(source, relax.Var):
            value = self.lookup_binding(source)
            if value is None or not is_call(value, "relax.broadcast_to"):
                break
            source = value.args[0]  # 1.
        yield from _without_repetition(source, kept)
        # matmul does not broadcast its last two dimensions.
        if not source.same_as(operand) and (kept == 1 or _end(source) == _end(operand)):
            yield source


def _end(operand: relax.Expr) -> list[str]:
    return [str(extent) for extent in operand.ty.shape.values[-MATRIX_RANK:]]


def _without_repetition(operand: relax.Expr, kept: int) -> Iterator[relax.Expr]:
    """Yield a repeating constant with its last `kept` dimensions, then with leading ones."""
    if not isinstance(operand, GenericConst) or len(operand.value.shape) <= kept:
        return
    values = operand.value.numpy()
    parts = values.reshape(-1, *values.shape[values.ndim - kept :])
    # 2.
    if len(parts) > 0 and np.array_equal(parts, np.broadcast_to(parts[0], parts.shape)):
        yield relax.const(parts[0], operand.value.dtype)
        if len(parts) > 1:
            ones = (1,) * (values.ndim - kept)
            yield relax.const(parts[0].reshape(ones + parts[0].shape), operand.value.dtype)
