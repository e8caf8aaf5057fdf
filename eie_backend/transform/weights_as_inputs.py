"""`WeightsAsInputs`: turn weights into inputs, to try other weights without recompiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tvm
from tvm import IRModule, relax
from tvm.ir import GlobalVar
from tvm.ir.expr import GenericConst
from tvm.ir.transform import PassContext
from tvm.relax.analysis import post_order_visit
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import is_host_function, named_as
from eie_backend.transform.module_pass import ModulePass


@tvm.transform.module_pass(opt_level=0, name="eie.WeightsAsInputs")
class WeightsAsInputs(ModulePass):
    """Turn constants into the last inputs of `main`.

    Before -> after, for ``{"fc1": W}``::

        def main(x):                     ->  def main(x, fc1):
            lv = R.matmul(x, W)                  lv = R.matmul(x, fc1)

    1. All uses of a constant become uses of its input; the inputs are in the order of `constants`.
    2. A function that `main` calls gets those that it reads as its last parameters.
    3. All other constants, and all other functions, are left alone.

    Parameters
    ----------
    constants : mapping of str to GenericConst
        Constants of the module, by the names of the new inputs.
    """

    def __init__(self, constants: Mapping[str, GenericConst]) -> None:
        self.constants = constants

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with more inputs."""
        instead: dict[GlobalVar, tuple[GlobalVar, list[GenericConst]]] = {}
        functions: dict[GlobalVar, tvm.ir.BaseFunc] = {}
        main = mod.get_global_var("main")
        for gvar, function in mod.functions_items():
            read = self._read(function) if gvar != main else []
            if not read:
                functions[gvar] = function
                continue
            # 2.
            longer = self._with_inputs(mod, function, read, {})
            instead[gvar] = named_as(gvar, longer), read
            functions[instead[gvar][0]] = longer
        # 1.
        functions[main] = self._with_inputs(mod, mod[main], [*self.constants.values()], instead)
        return IRModule(functions, attrs=mod.attrs)

    def _read(self, function: tvm.ir.BaseFunc) -> list[GenericConst]:
        """Return which of the constants a function reads."""
        found: list[GenericConst] = []

        def visit(value: relax.Expr) -> None:
            if isinstance(value, GenericConst):
                found.append(value)

        if is_host_function(function):
            post_order_visit(function, visit)
        return [one for one in self.constants.values() if any(one.same_as(x) for x in found)]

    def _with_inputs(
        self,
        mod: IRModule,
        function: relax.Function,
        read: Sequence[GenericConst],
        instead: Mapping[GlobalVar, tuple[GlobalVar, list[GenericConst]]],
    ) -> relax.Function:
        names = {constant: name for name, constant in self.constants.items()}
        inputs = {constant: relax.Var(names[constant], constant.ty) for constant in read}
        changed = _Replace(mod, inputs, instead).visit_expr(function)
        return relax.Function(
            [*changed.params, *inputs.values()],
            changed.body,
            changed.ret_ty,
            changed.is_pure,
            changed.attrs,
        )


@mutator
class _Replace(PyExprMutator):
    def __init__(
        self,
        mod: IRModule,
        inputs: Mapping[GenericConst, relax.Var],
        instead: Mapping[GlobalVar, tuple[GlobalVar, list[GenericConst]]],
    ) -> None:
        super().__init__(mod)
        self.inputs, self.instead = inputs, instead

    def visit_generic_const_(self, constant: GenericConst) -> relax.Expr:
        # 1. 3.
        return self.inputs.get(constant, constant)

    def visit_call_(self, call: relax.Call) -> relax.Expr:
        call = super().visit_call_(call)
        if not isinstance(call.op, GlobalVar) or call.op not in self.instead:
            return call
        gvar, read = self.instead[call.op]
        args = [*call.args, *(self.inputs[constant] for constant in read)]
        return self.builder_.normalize(relax.Call(gvar, args, call.attrs, call.ty_args))
