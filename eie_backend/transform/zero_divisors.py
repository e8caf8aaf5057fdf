"""`ZeroDivisors`: a float divided by the number 0 is infinite or not a number."""

from __future__ import annotations

import tvm
from tvm import IRModule, relax
from tvm.ir.expr import GenericConst
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import is_call, map_functions
from eie_backend.transform.module_pass import ModulePass

DIVISIONS = ("relax.divide", "relax.floor_divide", "relax.floor_mod", "relax.mod")


@tvm.transform.module_pass(opt_level=0, name="eie.ZeroDivisors")
class ZeroDivisors(ModulePass):
    """Keep divisors that are the number 0 from TVM's arithmetic, which raises an error at them.

    Before -> after::

        R.divide(x, R.const(0.0))  ->  R.divide(x, R.const([0.0]))

    1. Of floats alone: integers have no such quotient, and `GuardOperands` refuses them.
    2. A result of no dimensions keeps none.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with such divisors as tensors of one value."""
        return map_functions(mod, _Widen(mod).visit_expr)


@mutator
class _Widen(PyExprMutator):
    def visit_call_(self, call: relax.Call) -> relax.Expr:
        call = super().visit_call_(call)
        if not any(is_call(call, operator) for operator in DIVISIONS):
            return call
        value, divisor = call.args
        if not isinstance(divisor, GenericConst) or len(divisor.value.shape):
            return call
        number = divisor.value.numpy()
        # 1.
        if number != 0 or "float" not in str(number.dtype):
            return call
        wide = relax.const(number.reshape(1), str(number.dtype))
        quotient = relax.Call(call.op, [value, wide], call.attrs)
        # 2.
        return quotient if value.ty.ndim else relax.op.reshape(quotient, ())
