"""`index_extents`: how far the integer inputs of a module may count, by what checks them."""

from __future__ import annotations

from tvm import IRModule, relax
from tvm.ir import Op

from eie_backend.transform.guards.guard_operands import CHECK_INDEX, checked_by
from eie_backend.transform.layers import bindings

PASS_ON = {
    f"relax.{name}"
    for name in ("astype", "expand_dims", "flatten", "permute_dims", "reshape", "squeeze")
}
"""Operators whose result has the values of their first operand."""


def index_extents(mod: IRModule) -> dict[str, int]:
    """Return the number of values that inputs of `main` may have, counted from 0, by name.

    Inputs that no `GuardOperands` checks, as far as can be seen, are not in it. Of several columns
    of indices, the smallest table counts.
    """
    source: dict[relax.Expr, str] = {param: str(param.name) for param in mod["main"].params}
    found: dict[str, int] = {}
    for binding, _ in bindings(mod):
        call = binding.value
        if isinstance(call, relax.Var) and call in source:
            source[binding.var] = source[call]
        elif checked_by(call) == CHECK_INDEX and call.args[2] in source:
            name = source[binding.var] = source[call.args[2]]
            rows = 1 + min(int(highest) for highest in call.args[4].values)
            found[name] = min(found.get(name, rows), rows)
        elif isinstance(call, relax.Call) and isinstance(call.op, Op) and call.op.name in PASS_ON:
            if call.args[0] in source:
                source[binding.var] = source[call.args[0]]
    return found
