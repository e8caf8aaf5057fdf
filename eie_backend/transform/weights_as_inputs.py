"""`WeightsAsInputs`: turn weights into inputs, to try other weights without recompiling."""

from __future__ import annotations

from collections.abc import Mapping

import tvm
from tvm import IRModule, relax
from tvm.ir.expr import GenericConst
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.module_pass import ModulePass


@tvm.transform.module_pass(opt_level=0, name="eie.WeightsAsInputs")
class WeightsAsInputs(ModulePass):
    """Turn constants of `main` into its last inputs.

    Before -> after, for ``{"fc1": W}``::

        def main(x):                     ->  def main(x, fc1):
            lv = R.matmul(x, W)                  lv = R.matmul(x, fc1)

    1. All uses of a constant become uses of its input; the inputs are in the order of `constants`.
    2. All other constants, and all other functions, are left alone.

    Parameters
    ----------
    constants : mapping of str to GenericConst
        Constants of the module, by the names of the new inputs.
    """

    def __init__(self, constants: Mapping[str, GenericConst]) -> None:
        self.constants = constants

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with more inputs."""
        names = self.constants.items()
        inputs = {constant: relax.Var(name, constant.ty) for name, constant in names}
        # 2.
        main = _Replace(mod, inputs).visit_expr(mod["main"])
        # 1.
        parameters = [*main.params, *inputs.values()]
        function = relax.Function(parameters, main.body, main.ret_ty, main.is_pure, main.attrs)
        functions = {**dict(mod.functions_items()), mod.get_global_var("main"): function}
        return IRModule(functions, attrs=mod.attrs)


@mutator
class _Replace(PyExprMutator):
    def __init__(self, mod: IRModule, inputs: Mapping[GenericConst, relax.Var]) -> None:
        super().__init__(mod)
        self.inputs = inputs

    def visit_generic_const_(self, constant: GenericConst) -> relax.Expr:
        # 1. 2.
        return self.inputs.get(constant, constant)
