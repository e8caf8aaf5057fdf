"""`returning`: the module whose `main` returns other values, its own or those of what it calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm import IRModule, relax
from tvm.ir import TupleType, Type

from eie_backend.errors import ModelError
from eie_backend.transform.layers import named_as

Vars = Sequence[relax.Var]


def returning(mod: IRModule, wanted: Vars) -> IRModule:
    """Return the module with a `main` that returns `wanted` instead of its results.

    Before -> after, for a variable of a function that is called twice::

        lv = cls.step(x, h)    ->  lv = cls.step(x, h)
        lv1 = cls.step(x, lv)      lv1 = cls.step(x, lv[0])
        return lv1                 return ((lv[1][0], lv1[1][0]),)

    1. The value of a variable of `main` is a field of the result.
    2. That of a variable of a function that `main` calls is a tuple, with a field for each call.
    """
    main = mod.get_global_var("main")
    inside = {
        gvar: own
        for gvar, function in mod.functions_items()
        if gvar != main and isinstance(function, relax.Function)
        if (own := _own(function, wanted))
    }
    showing = {gvar: _showing(mod[gvar], own) for gvar, own in inside.items()}
    instead = {gvar: named_as(gvar, function) for gvar, function in showing.items()}
    plain, renamed = _plain(mod[main])
    seen: dict[relax.Var, list[relax.Expr]] = {}
    bindings = []
    for binding in (b for block in plain.body.blocks for b in block.bindings):
        value = binding.value
        if isinstance(value, relax.Call) and value.op in inside:
            whole = relax.Var(f"{binding.var.name}_whole", showing[value.op].ret_ty)
            call = relax.Call(instead[value.op], value.args, value.attrs)
            bindings += [
                relax.VarBinding(whole, call),
                relax.VarBinding(binding.var, relax.TupleGetItem(whole, 0)),
            ]
            others = relax.Var(f"{binding.var.name}_others", whole.ty.fields[1])
            bindings.append(relax.VarBinding(others, relax.TupleGetItem(whole, 1)))
            for at, var in enumerate(inside[value.op]):
                seen.setdefault(var, []).append(relax.TupleGetItem(others, at))
        else:
            bindings.append(binding)
    results = [renamed[var] if var in renamed else relax.Tuple(seen.get(var, [])) for var in wanted]
    kinds = [var.ty if var in renamed else TupleType([var.ty] * len(seen[var])) for var in wanted]
    body = relax.SeqExpr([relax.BindingBlock(bindings)], relax.Tuple(results))
    function = relax.Function(plain.params, body, TupleType(kinds), attrs=plain.attrs)
    functions = {gvar: f for gvar, f in mod.functions_items() if gvar not in inside}
    functions |= {instead[gvar]: shown for gvar, shown in showing.items()}
    found = IRModule({**functions, main: function}, attrs=mod.attrs)
    return relax.transform.Normalize()(found)


def _own(function: relax.Function, wanted: Vars) -> list[relax.Var]:
    """Return which of the variables a function has."""
    known = {b.var for block in function.body.blocks for b in block.bindings} | {*function.params}
    return [var for var in wanted if var in known]


def _showing(function: relax.Function, wanted: Vars) -> relax.Function:
    """Return a function that returns its result, and a tuple of the values of variables."""
    plain, renamed = _plain(function)
    values = [renamed[var] for var in wanted]
    others = TupleType([var.ty for var in wanted])
    kind: Type = TupleType([plain.ret_ty, others])
    result = relax.Tuple([plain.body.body, relax.Tuple(values)])
    body = relax.SeqExpr(plain.body.blocks, result)
    return relax.Function(plain.params, body, kind, plain.is_pure, plain.attrs)


def _plain(function: relax.Function) -> tuple[relax.Function, Mapping[relax.Var, relax.Var]]:
    """Return a function without dataflow blocks, which variables cannot leave, and its variables.

    They are given by what they were.
    """
    plain = relax.transform.ToNonDataflow()(IRModule({"main": function}))["main"]
    if len(plain.body.blocks) != len(function.body.blocks):
        raise ModelError("calibrate: `main` has control flow; calibrate its branches apart")
    renamed = {
        old.var: new.var
        for old_block, new_block in zip(function.body.blocks, plain.body.blocks, strict=True)
        for old, new in zip(old_block.bindings, new_block.bindings, strict=True)
    }
    return plain, renamed | dict(zip(function.params, plain.params, strict=True))
