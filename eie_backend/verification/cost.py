"""`too_large`: whether verifying a module would take long beside compiling it."""

from __future__ import annotations

from math import prod

from tvm import IRModule, relax

from eie_backend.transform.convolution import is_convolution
from eie_backend.transform.layers import constant_weights, is_matmul

ALLOWED_SECONDS = 1.0
ALLOWED_SHARE = 0.25
"""Of the time to compile; whichever is more."""

SECONDS_PER_PRODUCT = 1e-9
SECONDS_PER_OPERATOR = 0.012
"""To verify: two runs, and code that is not optimised. On two cores of 2026; only their ratio to
those below matters, so a faster machine decides the same."""

SECONDS_PER_WEIGHT = 2.5e-7
SECONDS_PER_CONVOLVED_WEIGHT = 1.5e-6
SECONDS_PER_COMPILED_OPERATOR = 0.05


def too_large(mod: IRModule) -> str:
    """Return why verifying a module would take too long, in words; nothing if it would not."""
    products = operators = 0
    compile_seconds = 0.0
    for _, function in mod.functions_items():
        if not isinstance(function, relax.Function):
            continue
        for block in function.body.blocks:
            for binding in block.bindings:
                found = _products(binding.value)
                products += found
                operators += found == 0
                compile_seconds += _compile_seconds(binding.value)
    verify_seconds = products * SECONDS_PER_PRODUCT + operators * SECONDS_PER_OPERATOR
    compile_seconds += operators * SECONDS_PER_COMPILED_OPERATOR
    if verify_seconds <= max(ALLOWED_SECONDS, ALLOWED_SHARE * compile_seconds):
        return ""
    return f"{products:,} products and {operators:,} other operations are too many to compute twice"


def _products(value: relax.Expr) -> int:
    """Return the multiplications of a matmul or a convolution; 0 for other operations."""
    if not isinstance(value, relax.Call):
        return 0
    if is_matmul(value):
        return _size(value) * _extent(value.args[0], -1)
    if is_convolution(value):
        return _size(value) * _size(value.args[1]) // max(_extent(value.args[1], 0), 1)
    return 0


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
