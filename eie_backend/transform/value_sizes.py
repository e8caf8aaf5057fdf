"""Constants that a graph computes before it sees any input, and how large they may be."""

from __future__ import annotations

from math import prod

from tvm import IRModule, relax
from tvm.ir import GenericConst
from tvm.relax.analysis import free_vars, post_order_visit
from tvm.tirx import IntImm

LIMIT_BYTES = 1 << 31
"""As for a whole ONNX file; a model that brings more bytes of its own may compute as many."""


def oversized_constants(mod: IRModule) -> list[str]:
    """Return what no file of this size can mean: constants of more than `LIMIT_BYTES`.

    Folding would allocate each of them, and a graph of 100 bytes can ask for any number.
    """
    limit, found = max(LIMIT_BYTES, _bytes_of_constants(mod)), []
    for function in mod.functions.values():
        if not isinstance(function, relax.Function) or not isinstance(function.body, relax.SeqExpr):
            continue
        varying = set(function.params)
        for block in function.body.blocks:
            for binding in block.bindings:
                size = _size(binding.var.ty)
                if not varying.isdisjoint(free_vars(binding.value)):
                    varying.add(binding.var)
                elif size > limit:
                    found.append(f"{binding.var.name} is a constant of {size} bytes, over {limit}")
    return found


def _bytes_of_constants(mod: IRModule) -> int:
    sizes = []

    def visit(value: relax.Expr) -> None:
        if isinstance(value, GenericConst):
            sizes.append(_size(value.ty))

    for function in mod.functions.values():
        if isinstance(function, relax.Function):
            post_order_visit(function, visit)
    return sum(sizes)


def _size(kind: object) -> int:
    """Return the bytes of a tensor of a known shape, and 0 of anything else."""
    if not isinstance(kind, relax.TensorType) or not isinstance(kind.shape, relax.ShapeExpr):
        return 0
    if not all(isinstance(extent, IntImm) for extent in kind.shape):
        return 0
    bits: int = kind.dtype.dtype.bits
    return prod(int(extent) for extent in kind.shape) * ((bits + 7) // 8)
