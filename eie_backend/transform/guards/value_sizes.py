"""How large the values of a graph may be: one of 100 bytes can ask for any number."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from tvm import IRModule, relax
from tvm.ir import GenericConst
from tvm.relax.analysis import free_vars, post_order_visit
from tvm.tirx import IntImm

CONSTANT_BYTES = 1 << 31
"""As for a whole ONNX file; a model that brings more bytes of its own may compute as many."""

VALUES = (1 << 31) - 1
"""Of any tensor: more than TVM's code counts in 32 bits."""


def oversized(mod: IRModule) -> list[str]:
    """Return what no network can mean: values that are too large, or of fewer than no elements.

    Folding would allocate each constant.
    """
    limit, found = max(CONSTANT_BYTES, _bytes_of_constants(mod)), []
    for function in mod.functions.values():
        if not isinstance(function, relax.Function) or not isinstance(function.body, relax.SeqExpr):
            continue
        for parameter in function.params:
            found += [f"{parameter.name} {fault}" for fault in _faults(parameter.ty)]
        varying = set(function.params)
        for block in function.body.blocks:
            for binding in block.bindings:
                kind, size = binding.var.ty, _bytes(binding.var.ty)
                found += [f"{binding.var.name} {fault}" for fault in _faults(kind)]
                if not varying.isdisjoint(free_vars(binding.value)):
                    varying.add(binding.var)
                elif size > limit:
                    found.append(f"{binding.var.name} is a constant of {size} bytes, over {limit}")
    return found


def _faults(kind: object) -> Iterator[str]:
    for one in getattr(kind, "fields", [kind]):
        extents = _extents(one)
        if min(extents, default=0) < 0:
            yield f"has shape {extents}"
        elif prod(extents) > VALUES:
            yield f"has {prod(extents)} values, over {VALUES}"


def _bytes_of_constants(mod: IRModule) -> int:
    sizes = []

    def visit(value: relax.Expr) -> None:
        if isinstance(value, GenericConst):
            sizes.append(_bytes(value.ty))

    for function in mod.functions.values():
        if isinstance(function, relax.Function):
            post_order_visit(function, visit)
    return sum(sizes)


def _bytes(kind: object) -> int:
    """Return the bytes of a tensor of a known shape, and 0 of anything else."""
    extents = _extents(kind)
    bits: int = kind.dtype.dtype.bits if extents is not NOTHING else 0  # type: ignore[attr-defined]
    return prod(extents) * ((bits + 7) // 8)


NOTHING = [0]


def _extents(kind: object) -> list[int]:
    """Return the shape of a tensor, `NOTHING` of what has no known one."""
    if not isinstance(kind, relax.TensorType) or not isinstance(kind.shape, relax.ShapeExpr):
        return NOTHING
    if not all(isinstance(extent, IntImm) for extent in kind.shape):
        return NOTHING
    return [int(extent) for extent in kind.shape]
