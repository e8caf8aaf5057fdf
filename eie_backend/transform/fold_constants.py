"""`FoldConstants`: compute what depends on no input, after checking that this is safe."""

from __future__ import annotations

import tvm
from tvm import IRModule, relax
from tvm.ir.transform import PassContext

from eie_backend.errors import ModelError
from eie_backend.transform.guards.guard_operands import GuardOperands, constant_checks
from eie_backend.transform.guards.value_sizes import oversized
from eie_backend.transform.layers import is_call
from eie_backend.transform.module_pass import ModulePass

UNCHECKED = {"tirx.disable_assert": True}
"""For code that only tensors of this process's own reach: comparing their shapes and strides with
the compiled ones is most of a small operator's code, and takes most of the time to compile it."""


@tvm.transform.module_pass(opt_level=0, name="eie.FoldConstants")
class FoldConstants(ModulePass):
    """Replace what depends on no input by its value.

    Before -> after::

        lv = R.take(W, [2, 0], axis=0)  ->  lv = [W[2], W[0]]

    TVM compiles what it folds and runs it in this process, so each operator is checked before.

    1. Nothing that is folded is larger than `value_sizes` allows.
    2. `GuardOperands` has checked every index and divisor; those that folding itself makes constant
       are checked before what reads them is folded.
    3. Checks of other operands stay in the module.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with constants.

        Raises
        ------
        ModelError
            If a constant or an index is out of range, or an operator is refused.
        """
        fold, guard = relax.transform.FoldConstant(), GuardOperands(refuse=False)
        guarded, waits = mod, True
        while waits:
            # 1.
            if faults := oversized(guarded):
                raise ModelError(f"{'; '.join(faults)}; export it again")
            # 2.
            guarded = guard(guarded)
            if any(map(_folds, guarded.functions.values())):
                with tvm.transform.PassContext(config=UNCHECKED):
                    guarded = fold(guarded)
            waits = constant_checks(guarded)
        # 3.
        result: IRModule = GuardOperands()(guarded)
        return result


OF_SHAPES = ("relax.shape_of", "relax.shape_to_tensor", "relax.size", "relax.tensor_to_shape")
"""TVM folds them where the shape is known, whatever they read."""


def _folds(function: tvm.ir.BaseFunc) -> bool:
    """Return whether a function has anything to fold: TVM's pass takes long to find that out."""
    if not isinstance(function, relax.Function):
        return False
    if not isinstance(function.body, relax.SeqExpr):
        return True
    constant: set[relax.Var] = set()
    for block in function.body.blocks:
        for binding in block.bindings:
            value = binding.value
            if isinstance(value, relax.Call):
                if any(is_call(value, name) for name in OF_SHAPES):
                    return True
                if all(_is_constant(one, constant) for one in value.args):
                    return True
            elif isinstance(value, relax.If | relax.Function | relax.SeqExpr):
                return True
            elif _is_constant(value, constant):
                constant.add(binding.var)
    return False


def _is_constant(value: relax.Expr, constant: set[relax.Var]) -> bool:
    if isinstance(value, relax.Tuple):
        return all(_is_constant(field, constant) for field in value.fields)
    if isinstance(value, relax.TupleGetItem):
        return _is_constant(value.tuple_value, constant)
    return value in constant if isinstance(value, relax.Var) else True
