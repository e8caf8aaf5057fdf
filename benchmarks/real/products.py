"""Multiply-accumulates of each operation of a model."""

from __future__ import annotations

from collections import Counter
from math import prod

from tvm import IRModule, relax

from eie_backend.transform.constant_arguments import private_calls
from eie_backend.transform.layers import bindings, is_host_function


def products(mod: IRModule) -> Counter[str]:
    """Return the multiply-accumulates of each matrix product and convolution, by its result's name.

    Those of a function count once for each of its calls.
    """
    calls = Counter(call.op.name_hint for _, call in private_calls(mod))
    names = {function: gvar.name_hint for gvar, function in mod.functions_items()}
    found = Counter[str]()
    for binding, function in bindings(mod):
        if is_host_function(function):
            times = 1 if names[function] == "main" else calls[names[function]]
            found[binding.var.name] += times * _products(binding.value)
    return +found


def _products(value: relax.Expr) -> int:
    operator = getattr(getattr(value, "op", None), "name", "").removeprefix("relax.nn.")
    if operator == "relax.matmul":
        return _size(value) * int(value.args[0].ty.shape.values[-1])
    if operator.startswith("conv") and operator.endswith("transpose"):
        return _size(value.args[0]) * _size(value.args[1]) // _extent(value.args[1])
    if operator.startswith("conv"):
        return _size(value) * _size(value.args[1]) // _extent(value.args[1])
    return 0


def _size(value: relax.Expr) -> int:
    return prod(map(int, value.ty.shape.values))


def _extent(value: relax.Expr) -> int:
    return int(value.ty.shape.values[0])
