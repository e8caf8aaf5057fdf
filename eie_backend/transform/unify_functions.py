"""`unify_functions`: merge equal functions of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tvm import IRModule, relax
from tvm.ir import GlobalVar
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm_ffi import StructuralKey

from eie_backend.transform.layers import map_functions


def unify_functions(mod: IRModule) -> IRModule:
    """Return the module with equal functions of an external code generator merged.

    Before -> after::

        lv = fused_eie(x)      # def fused_eie: W     ->  lv = fused_eie(x)
        lv1 = fused_eie1(lv)   # def fused_eie1: W        lv1 = fused_eie(lv)

    1. Functions are equal if they differ only in their names; the first by name stays.
    2. Functions without the attribute ``Codegen`` are left alone.
    """
    first: dict[Any, GlobalVar] = {}
    instead: dict[GlobalVar, GlobalVar] = {}
    key: Any = StructuralKey  # the type stub wrongly requires the hash
    for gvar, function in sorted(mod.functions_items(), key=lambda item: item[0].name_hint):
        # 2.
        if "Codegen" in (function.attrs or {}):
            # 1.
            kept = first.setdefault(key(function.without_attr("global_symbol")), gvar)
            if not kept.same_as(gvar):
                instead[gvar] = kept
    if not instead:
        return mod
    replaced = map_functions(mod, _Replace(mod, instead).visit_expr)
    functions = {gvar: f for gvar, f in replaced.functions_items() if gvar not in instead}
    return IRModule(functions, attrs=mod.attrs)


@mutator
class _Replace(PyExprMutator):
    def __init__(self, mod: IRModule, instead: Mapping[GlobalVar, GlobalVar]) -> None:
        super().__init__(mod)
        self.instead = instead

    def visit_global_var_(self, gvar: GlobalVar) -> relax.Expr:
        return self.instead.get(gvar, gvar)
