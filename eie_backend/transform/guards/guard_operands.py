"""`GuardOperands`: check operands that decide which memory an operator touches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import tvm
from tvm import IRModule, relax
from tvm.ir import Op, StringImm
from tvm.ir.expr import GenericConst
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm_ffi import structural_equal

from eie_backend.errors import ModelError
from eie_backend.transform.guards.check import UnknownShape, dtype, extents
from eie_backend.transform.guards.constant_faults import lowest, outside, zeros
from eie_backend.transform.guards.operator_kinds import GUARDED, REMEDY, why_refused
from eie_backend.transform.layers import is_call, map_functions
from eie_backend.transform.module_pass import ModulePass

CHECK_INDEX, CHECK_DIVISOR = "eie.check_index", "eie.check_divisor"
"""Functions of the C++ runtime; each returns a copy of the operand that it has checked."""


@tvm.transform.module_pass(opt_level=0, name="eie.GuardOperands")
class GuardOperands(ModulePass):
    """Check indices and divisors: constants here, others where the module runs.

    Before -> after::

        lv = R.take(table, ids, axis=0)  ->
            ids_checked = R.call_pure_packed("eie.check_index", "lv (take)", ids, [0], [9])
            lv = R.take(table, ids_checked, axis=0, mode="clip")

    1. The tables beside this file say which operands these are and what is allowed.
    2. A constant operand is checked at once and stays as it is. So is one that has become constant
       since it got a check, which then goes.
    3. Constant folding leaves a check alone, and what reads it.
    4. Applying it twice changes nothing.
    5. Operators that the tables do not know are refused, as are those whose result has a shape that
       depends on data.

    Parameters
    ----------
    refuse : bool
        Whether to refuse guarded operators whose shapes depend on data, and indices into what has
        no known shape; without it these are left alone, since folding may make them constants.
    """

    def __init__(self, refuse: bool = True) -> None:
        self.refuse = refuse

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with checks.

        Raises
        ------
        ModelError
            If constants or shapes are out of range; all faults at once.
        """
        guard = _Guard(mod, self.refuse)
        guarded = map_functions(mod, guard.visit_expr)
        if guard.faults:
            raise ModelError("; ".join(dict.fromkeys(guard.faults)))
        return guarded if guard.changed else mod


def is_check(value: relax.Expr) -> bool:
    """Return whether a value is a check, which computes nothing."""
    return checked_by(value) is not None


def checked_by(value: relax.Expr) -> str | None:
    """Return the function that a check calls; None for all else."""
    if isinstance(value, relax.Call) and value.op == Op.get("relax.call_pure_packed"):
        name = getattr(value.args[0], "global_symbol", "")
        return name if name in (CHECK_INDEX, CHECK_DIVISOR) else None
    return None


def constant_checks(mod: IRModule) -> bool:
    """Return whether a check has only constant operands, so that `GuardOperands` removes it."""
    return any(_is_constant(value) for value in _values(mod) if is_check(value))


@mutator
class _Guard(PyExprMutator):
    """Rewrites calls; it is the `Check` of the call that it is at."""

    def __init__(self, mod: IRModule, refuse: bool) -> None:
        super().__init__(mod)
        self.refuse = refuse
        self.faults: list[str] = []
        self.changed = False
        self.where, self.name = "", ""

    def visit_var_binding_(self, binding: relax.VarBinding) -> None:
        outer, self.name = self.name, binding.var.name
        super().visit_var_binding_(binding)
        self.name = outer

    def visit_match_cast_(self, binding: relax.MatchCast) -> None:
        # 5.
        if self.refuse:
            self.where = binding.var.name
            self.require(False, f"a shape that depends on data; {REMEDY}")
        super().visit_match_cast_(binding)

    def visit_call_(self, call: relax.Call) -> relax.Expr:
        call = super().visit_call_(call)
        if not isinstance(call.op, Op):
            return call
        if is_check(call):
            return self._settled(call)
        operator = call.op.name
        self.where = f"{self.name or 'result'} ({operator.removeprefix('relax.')})"
        # 5. What no row guards is refused at once: folding would run it.
        if self.refuse or operator not in GUARDED:
            reason = why_refused(operator)
            self.require(reason is None, reason or "")
        if operator not in GUARDED:
            return call
        try:
            # 1.
            found = GUARDED[operator](call, self)
        except UnknownShape as error:
            self.require(not self.refuse, str(error))
            return call
        if found is None:
            return call
        if not isinstance(found, relax.Call):
            if all(one.same_as(other) for one, other in zip(found, call.args, strict=True)):
                return call
            found = relax.Call(call.op, list(found), call.attrs, call.ty_args)
        self.changed = True
        return self.builder_.normalize(found)

    def _settled(self, call: relax.Call) -> relax.Expr:
        """Return a check, or its operand if that has become constant."""
        # 2.
        if not _is_constant(call):
            return call
        self.changed = True
        _, where, *operands = call.args
        self.where = str(where.value)
        if checked_by(call) == CHECK_DIVISOR:
            return self.divides(*operands)
        operand, low, high = operands
        return self.within(operand, *([int(one) for one in side.values] for side in (low, high)))

    def within(self, operand: relax.Expr, low: Sequence[int], high: Sequence[int]) -> relax.Expr:
        operand = self._resolved(operand)
        if isinstance(operand, GenericConst):
            values = operand.value.numpy()
            if np.issubdtype(values.dtype, np.bool_):
                self.faults.append(f"{self.where}: bool indices are a mask; give integers")
            else:
                self._note(outside(values, low, high))
            return operand
        shape = extents(operand)
        if len(low) > 1 and shape[-1] != len(low):
            self.require(False, f"indices of shape {shape} for {len(low)} coordinates")
            return operand
        if low == high == []:
            return operand
        if not any(low) and (counted := self._counted(operand, high)) is not None:
            return counted
        return self._checked(CHECK_INDEX, operand, [operand, _shape(low), _shape(high)])

    def _counted(self, operand: relax.Expr, high: Sequence[int]) -> relax.Expr | None:
        """Check i of ``where(i < 0, i + extent, i)``, which counts from the end; None for others.

        So the error tells the index that was given. The extents are those that `high` says.
        """
        where = self._value(operand)
        if not is_call(where, "relax.where"):
            return None
        given = where.args[2]
        below, shifted = map(self._value, where.args[:2])
        if not (is_call(below, "relax.less") and is_call(shifted, "relax.add")):
            return None
        zero, extent = (self._resolved(one.args[1]) for one in (below, shifted))
        if not (below.args[0].same_as(given) and shifted.args[0].same_as(given)):
            return None
        if not isinstance(zero, GenericConst) or zero.value.numpy().any():
            return None
        kind = dtype(given)
        wanted = np.array(high, kind) + 1 if len(high) > 1 else np.array(high[0] + 1, kind)
        low = [-most - 1 for most in high]
        if isinstance(constant := self._resolved(given), GenericConst):
            # A check of it would be settled, and then asked for again.
            values = constant.value.numpy()
            self._note(outside(values, low, high))
            return relax.const(np.where(values < 0, values + wanted, values).astype(kind), kind)
        checked = self._checked(CHECK_INDEX, given, [given, _shape(low), _shape(high)])
        known = isinstance(extent, GenericConst) and np.array_equal(extent.value.numpy(), wanted)
        if checked.same_as(given) and known:
            return operand
        negative = self.builder_.emit(relax.op.less(checked, relax.const(0, kind)))
        counted = self.builder_.emit(relax.op.add(checked, relax.const(wanted, kind)))
        return self.builder_.emit(relax.op.where(negative, counted, checked))

    def divides(self, dividend: relax.Expr, divisor: relax.Expr) -> relax.Expr:
        dividend, divisor = self._resolved(dividend), self._resolved(divisor)
        if isinstance(divisor, GenericConst):
            values = divisor.value.numpy()
            self._note(zeros(values))
            if np.issubdtype(values.dtype, np.unsignedinteger) or -1 not in values:
                return divisor
            if isinstance(dividend, GenericConst):
                self._note(lowest(dividend.value.numpy(), values))
                return divisor
        return self._checked(CHECK_DIVISOR, divisor, [dividend, divisor])

    def require(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(f"{self.where}: {fault}")

    def _resolved(self, operand: relax.Expr) -> relax.Expr:
        """Return the constant that an operand is bound to, else the operand."""
        value = self._value(operand)
        return value if isinstance(value, GenericConst) else operand

    def _value(self, operand: relax.Expr) -> relax.Expr:
        """Return what a variable is bound to, else the operand."""
        value = self.lookup_binding(operand) if isinstance(operand, relax.Var) else None
        return operand if value is None else value

    def _note(self, faults: Iterator[str]) -> None:
        self.faults += [f"{self.where}: {fault}" for fault in faults]

    def _checked(self, function: str, operand: relax.Expr, args: list[relax.Expr]) -> relax.Expr:
        """Emit a check of `operand`, unless it is the same."""
        value = self.lookup_binding(operand) if isinstance(operand, relax.Var) else operand
        # 4.
        if value is not None and checked_by(value) == function:
            place = args.index(operand)
            before = [*value.args[2:]]
            others = [n for n in range(len(args)) if n != place]
            if all(structural_equal(before[n], args[n]) for n in others):
                return operand
        where = StringImm(self.where)
        call = relax.call_pure_packed(function, where, *args, ty_args=[operand.ty])
        self.changed = True
        return self.builder_.emit(call, f"{self.name}_checked")


def _shape(values: Sequence[int]) -> relax.ShapeExpr:
    return relax.ShapeExpr([int(value) for value in values])


def _is_constant(check: relax.Call) -> bool:
    tensors = [arg for arg in check.args[2:] if not isinstance(arg, relax.ShapeExpr)]
    return all(isinstance(tensor, GenericConst) for tensor in tensors)


def _values(mod: IRModule) -> Iterator[relax.Expr]:
    for function in mod.functions.values():
        if isinstance(function, relax.Function):
            found: list[relax.Expr] = []
            relax.analysis.post_order_visit(function, found.append)
            yield from found
