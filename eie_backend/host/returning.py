"""`returning`: the module whose `main` returns other values."""

from __future__ import annotations

from collections.abc import Sequence

import tvm
from tvm import IRModule, relax

from eie_backend.errors import ModelError


def returning(mod: IRModule, wanted: Sequence[relax.Var]) -> IRModule:
    """Return the module with a `main` that returns `wanted` instead of its results."""
    main = mod["main"]
    # Dataflow variables cannot leave their block, so the function is rebuilt without one.
    plain = relax.transform.ToNonDataflow()(IRModule({"main": main}))["main"]
    if len(plain.body.blocks) != len(main.body.blocks):
        raise ModelError("calibrate: `main` has control flow; calibrate its branches apart")
    renamed = {
        old.var: new.var
        for old_block, new_block in zip(main.body.blocks, plain.body.blocks, strict=True)
        for old, new in zip(old_block.bindings, new_block.bindings, strict=True)
    }
    renamed |= dict(zip(main.params, plain.params, strict=True))
    results = relax.Tuple([renamed[var] for var in wanted])
    body = relax.SeqExpr(plain.body.blocks, results)
    result_type = tvm.ir.TupleType([var.ty for var in wanted])
    function = relax.Function(plain.params, body, result_type, attrs=plain.attrs)
    functions = {**dict(mod.functions_items()), mod.get_global_var("main"): function}
    return relax.transform.Normalize()(IRModule(functions, attrs=mod.attrs))
