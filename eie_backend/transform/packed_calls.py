"""Calls of packed functions, out of sight of TVM's MergeCompositeFunctions, which knows none."""

from __future__ import annotations

from tvm import IRModule, relax
from tvm.ir import GlobalVar
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import map_functions

Outlined = dict[str, tuple[list[relax.Var], relax.Call]]
"""By function: its parameters, and the call that is its value."""


def outlined(mod: IRModule) -> tuple[IRModule, Outlined]:
    """Return the module with a private function for each packed call of `main`, and these calls.

    Before -> after::

        lv = R.call_pure_packed("f", x, y)  ->  lv = cls.packed(x, y)
    """
    outline = _Outline(mod)
    outline.builder_.update_func(mod.get_global_var("main"), outline.visit_expr(mod["main"]))
    if not outline.calls:
        return mod, outline.calls
    found = outline.builder_.finalize()
    return IRModule(dict(found.functions_items()), attrs=mod.attrs), outline.calls


def inlined(mod: IRModule, calls: Outlined) -> IRModule:
    """Undo `outlined`."""
    if not calls:
        return mod
    whole = map_functions(mod, _Inline(mod, calls).visit_expr)
    kept = {gvar: f for gvar, f in whole.functions_items() if gvar.name_hint not in calls}
    return IRModule(kept, attrs=mod.attrs)


@mutator
class _Outline(PyExprMutator):
    def __init__(self, mod: IRModule) -> None:
        super().__init__(mod)
        self.calls: Outlined = {}

    def visit_call_(self, call: relax.Call) -> relax.Expr:
        call = super().visit_call_(call)
        if not any(isinstance(arg, relax.ExternFunc) for arg in call.args):
            return call
        inputs = [*dict.fromkeys(relax.analysis.free_vars(call))]
        params = [relax.Var(var.name, var.ty) for var in inputs]
        body = relax.Call(call.op, _bound(call, inputs, params), call.attrs, call.ty_args)
        inner = relax.BlockBuilder()
        with inner.function("packed", params, private=True):
            inner.emit_func_output(inner.emit(body))
        gvar = self.builder_.add_func(inner.get()["packed"], "packed")
        self.calls[gvar.name_hint] = params, body
        return self.builder_.normalize(relax.Call(gvar, inputs))


@mutator
class _Inline(PyExprMutator):
    def __init__(self, mod: IRModule, calls: Outlined) -> None:
        super().__init__(mod)
        self.calls = calls

    def visit_call_(self, call: relax.Call) -> relax.Expr:
        call = super().visit_call_(call)
        if not isinstance(call.op, GlobalVar) or call.op.name_hint not in self.calls:
            return call
        params, body = self.calls[call.op.name_hint]
        args = _bound(body, params, call.args)
        return self.builder_.normalize(relax.Call(body.op, args, body.attrs, body.ty_args))


def _bound(call: relax.Call, old: list[relax.Var], new: list[relax.Expr]) -> list[relax.Expr]:
    """Return a call's arguments with variables replaced."""
    values = dict(zip(old, new, strict=True))

    def replaced(arg: relax.Expr) -> relax.Expr:
        if isinstance(arg, relax.Tuple):
            return relax.Tuple([replaced(field) for field in arg.fields])
        return values.get(arg, arg)

    return [replaced(arg) for arg in call.args]
