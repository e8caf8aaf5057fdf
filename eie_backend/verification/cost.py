"""`too_large`: whether verifying a module would take long beside compiling it."""

from __future__ import annotations

from collections import Counter
from math import prod

from tvm import IRModule, relax
from tvm.ir import Op, TupleType
from tvm.tirx import IntImm

from eie_backend.transform.constant_arguments import private_calls
from eie_backend.transform.convolution import is_convolution
from eie_backend.transform.layers import constant_weights, is_matmul

ALLOWED_SECONDS = 1.0
ALLOWED_SHARE = 0.25
"""Of the time to compile; whichever is more."""

SECONDS_PER_PRODUCT = 1e-9
SECONDS_PER_OPERATOR = 0.012
SECONDS_PER_ELEMENT = 2e-8
"""To verify: two runs, and code that is not optimised. On two cores of 2026; only their ratio to
those below matters, so a faster machine decides the same."""

SECONDS_PER_CALL = 0.0002
"""Of a function of the module, such as the step of a recurrent layer."""

SECONDS_PER_WEIGHT = 2.5e-7
SECONDS_PER_CONVOLVED_WEIGHT = 1.5e-6
SECONDS_PER_COMPILED_OPERATOR = 0.05


def too_large(mod: IRModule) -> str:
    """Return why verifying a module would take too long, in words; nothing if it would not."""
    products = operators = elements = 0
    compile_seconds = 0.0
    calls = Counter(call.op.name_hint for _, call in private_calls(mod))
    steps = set[object]()
    for gvar, function in mod.functions_items():
        if not isinstance(function, relax.Function):
            continue
        times = calls[gvar.name_hint]
        for block in function.body.blocks:
            for binding in block.bindings:
                compile_seconds += _compile_seconds(binding.value)
                if found := _products(binding.value):
                    products += found * max(times, 1)
                    continue
                elements += _elements(binding.var) * max(times, 1)
                if times and _is_operator(binding.value):
                    # Steps of several layers have the same code.
                    steps.add((binding.value.op.name, _elements(binding.var)))
                else:
                    operators += _is_operator(binding.value)
    operators += len(steps)
    verify_seconds = products * SECONDS_PER_PRODUCT + operators * SECONDS_PER_OPERATOR
    verify_seconds += elements * SECONDS_PER_ELEMENT + calls.total() * SECONDS_PER_CALL
    compile_seconds += operators * SECONDS_PER_COMPILED_OPERATOR
    if verify_seconds <= max(ALLOWED_SECONDS, ALLOWED_SHARE * compile_seconds):
        return ""
    return (
        f"{products:,} products and {operators:,} other operations with {elements:,} results are "
        "too many to compute twice"
    )


def _is_operator(value: relax.Expr) -> bool:
    """Return whether something is compiled: not for a call of a function, or a field of a tuple."""
    return isinstance(getattr(value, "op", None), Op)


def _products(value: relax.Expr) -> int:
    """Return the multiplications of a matmul or a convolution; 0 for other operations."""
    if not isinstance(value, relax.Call):
        return 0
    if is_matmul(value):
        return _size(value) * _extent(value.args[0], -1)
    if is_convolution(value):
        return _size(value) * _size(value.args[1]) // max(_extent(value.args[1], 0), 1)
    return 0


def _elements(result: relax.Var) -> int:
    """Return the numbers in an operation's result, as far as they are known."""
    kinds = result.ty.fields if isinstance(result.ty, TupleType) else [result.ty]
    shapes = [getattr(getattr(one, "shape", None), "values", None) for one in kinds]
    return sum(
        prod(map(int, shape))
        for shape in shapes
        if shape is not None and all(isinstance(extent, IntImm) for extent in shape)
    )


def _compile_seconds(value: relax.Expr) -> float:
    if not isinstance(value, relax.Call):
        return 0.0
    if is_convolution(value):
        return _size(value.args[1]) * SECONDS_PER_CONVOLVED_WEIGHT
    if is_matmul(value) and constant_weights(value) is not None:
        return _size(value.args[1]) * SECONDS_PER_WEIGHT
    return 0.0


def _size(value: relax.Expr) -> int:
    return prod(int(extent) for extent in value.ty.shape.values)


def _extent(value: relax.Expr, axis: int) -> int:
    return int(value.ty.shape.values[axis])
