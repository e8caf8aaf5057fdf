"""`ConstantArguments`: what every call of a function gives it is part of the function."""

from __future__ import annotations

from collections.abc import Mapping

import tvm
from tvm import IRModule, relax
from tvm.ir import GlobalVar
from tvm.ir.expr import GenericConst
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import is_host_function, map_functions, named_as
from eie_backend.transform.module_pass import ModulePass

Given = dict[int, GenericConst]
"""Constants by the number of the parameter."""


@tvm.transform.module_pass(opt_level=0, name="eie.ConstantArguments")
class ConstantArguments(ModulePass):
    """Make constants of the parameters for which all calls of a private function give the same one.

    Before -> after::

        def step(x, w):                  ->  def step(x):
            lv = R.matmul(x, w)                  lv = R.matmul(x, W)

        lv = cls.step(x, W)                  lv = cls.step(x)

    1. So the weights of a recurrent layer's step are those of a layer.
    2. A function with a name of its own outside the module is left alone.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with fewer parameters."""
        given = _constants(mod)
        if not any(given.values()):
            return mod
        instead = {}
        functions = {}
        for gvar, function in mod.functions_items():
            if found := given.get(gvar):
                shorter = _without(function, found)
                instead[gvar] = named_as(gvar, shorter)
                functions[instead[gvar]] = shorter
            else:
                functions[gvar] = function
        changed = IRModule(functions, attrs=mod.attrs)
        return map_functions(changed, _Shorten(changed, given, instead).visit_expr)


def private_calls(mod: IRModule) -> list[tuple[relax.Var, relax.Call]]:
    """Return the calls of the module's own private functions, with what they are bound to."""
    found = []
    for function in mod.functions.values():
        if isinstance(function, relax.Function):
            for block in function.body.blocks:
                for binding in block.bindings:
                    value = binding.value
                    if isinstance(value, relax.Call) and isinstance(value.op, GlobalVar):
                        found.append((binding.var, value))
    return [(var, call) for var, call in found if _is_private(mod, call.op)]


def _is_private(mod: IRModule, gvar: GlobalVar) -> bool:
    # 2.
    return is_host_function(mod[gvar]) and "global_symbol" not in (mod[gvar].attrs or {})


def _constants(mod: IRModule) -> dict[GlobalVar, Given]:
    given: dict[GlobalVar, Given] = {}
    for _, call in private_calls(mod):
        constants = {n: arg for n, arg in enumerate(call.args) if isinstance(arg, GenericConst)}
        known = given.get(call.op)
        given[call.op] = (
            constants
            if known is None
            else {n: one for n, one in known.items() if one.same_as(constants.get(n))}
        )
    return given


def _without(function: relax.Function, given: Given) -> relax.Function:
    """Return a function with constants in place of parameters."""
    values = {function.params[n]: one.value for n, one in given.items()}
    bound: relax.Function = function.bind_params(values)
    return bound


@mutator
class _Shorten(PyExprMutator):
    def __init__(
        self,
        mod: IRModule,
        given: Mapping[GlobalVar, Given],
        instead: Mapping[GlobalVar, GlobalVar],
    ) -> None:
        super().__init__(mod)
        self.given, self.instead = given, instead

    def visit_call_(self, call: relax.Call) -> relax.Expr:
        call = super().visit_call_(call)
        gone = self.given.get(call.op) if isinstance(call.op, GlobalVar) else None
        if not gone:
            return call
        rest = [arg for n, arg in enumerate(call.args) if n not in gone]
        return self.builder_.normalize(
            relax.Call(self.instead[call.op], rest, call.attrs, call.ty_args)
        )
