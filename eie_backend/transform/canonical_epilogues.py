"""`CanonicalEpilogues`: the machine's activation functions, each by one operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import tvm
from tvm import IRModule, relax
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm_ffi import structural_equal

from eie_backend.epilogues import EPILOGUES
from eie_backend.transform.layers import map_functions
from eie_backend.transform.module_pass import ModulePass


@tvm.transform.module_pass(opt_level=0, name="eie.CanonicalEpilogues")
class CanonicalEpilogues(ModulePass):
    """Write each epilogue of the machine as the operator that `Partition` looks for.

    Before -> after::

        R.maximum(x, 0)                            ->  R.nn.relu(x)
        R.minimum(R.nn.relu(x), 6)                 ->  R.clip(x, 0, 6)
        R.where(R.greater(x, 0), x, R.multiply(x, 0.1))  ->  R.nn.leakyrelu(x, 0.1)

    1. `Epilogue.canonical`, in the epilogues' files, says which calls these are.
    2. An inner call of a nest is taken only if nothing else reads it; it is gone afterwards.
    3. Constants may have any shape that leaves the result's shape alone, and stand on either side.
    4. All else is left alone.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with canonical epilogues."""
        changed = map_functions(mod, lambda function: _rewritten(mod, function))
        if changed.same_as(mod) or structural_equal(changed, mod):
            return mod
        clean: IRModule = relax.transform.DeadCodeElimination()(changed)  # 2.
        return clean


def _rewritten(mod: IRModule, function: relax.Function) -> relax.Function:
    bindings = [b for block in function.body.blocks for b in block.bindings]
    values = {b.var: b.value for b in bindings if isinstance(b, relax.VarBinding)}
    readers = _readers(function)

    def value_of(expression: relax.Expr) -> relax.Expr:
        # 2.
        is_read_once = isinstance(expression, relax.Var) and readers[expression] == 1
        return values.get(expression, expression) if is_read_once else expression

    def canonical(call: relax.Call) -> relax.Call:
        # 1.
        found = (epilogue.canonical(call, value_of) for epilogue in EPILOGUES)
        return next((one for one in found if one is not None), call)

    rewritten: relax.Function = _Rewrite(mod, canonical).visit_expr(function)
    return rewritten


@mutator
class _Rewrite(PyExprMutator):
    def __init__(self, mod: IRModule, canonical: Callable[[relax.Call], relax.Call]) -> None:
        super().__init__(mod)
        self.canonical = canonical

    def visit_var_binding_(self, binding: relax.VarBinding) -> None:
        if isinstance(binding.value, relax.Call):
            binding = relax.VarBinding(binding.var, self.canonical(binding.value))
        super().visit_var_binding_(binding)


def _readers(function: relax.Function) -> Counter[relax.Var]:
    """Return how many values read each variable; the function's result is one."""
    found = Counter[relax.Var]()
    values = [b.value for block in function.body.blocks for b in block.bindings]
    for value in (*values, function.body.body):
        found.update({*relax.analysis.free_vars(value)})
    return found
