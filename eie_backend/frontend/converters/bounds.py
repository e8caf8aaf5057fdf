"""Clip, Max and Min, which TVM imports as TIR that no pass can read; here as Relax operators."""

from __future__ import annotations

from functools import reduce

import numpy as np
from tvm import relax
from tvm.ir.expr import GenericConst
from tvm.tirx import IntImm

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import Node


def clip(node: Node) -> relax.Expr:
    """Return ``min(max(x, low), high)``; bounds are inputs since opset 11, attributes before.

    A bound that is left out or NaN bounds nothing, as in ONNX Runtime.

    Raises
    ------
    ModelError
        If a bound is not one number.
    """
    (x, *given), attrs = node.inputs, node.attributes
    dtype = str(x.ty.dtype)
    low, high = [*given, None, None][:2]
    low = _bound(relax.const(attrs["min"], dtype) if "min" in attrs else low, -np.inf)
    high = _bound(relax.const(attrs["max"], dtype) if "max" in attrs else high, np.inf)
    numbers = [
        float(one.value.numpy().reshape(-1)[0])
        for one in (low, high)
        if isinstance(one, GenericConst)
    ]
    if len(numbers) == 2 and numbers[0] <= numbers[1] and "float" in dtype:
        return relax.op.clip(x, *numbers)
    x = x if low is None else relax.op.maximum(x, low)
    return x if high is None else relax.op.minimum(x, high)


def _bound(bound: relax.Expr | None, nothing: float) -> relax.Expr | None:
    """Return a bound of Clip without NaN, None for one that bounds nothing."""
    if bound is None:
        return None
    shape = [int(one) if isinstance(one, IntImm) else one for one in bound.ty.shape.values]
    if any(extent != 1 for extent in shape):
        said = ", ".join(map(str, shape))
        raise ModelError(f"a bound of Clip has shape ({said}); it must be one number")
    if "float" not in str(bound.ty.dtype):
        return bound
    if isinstance(bound, GenericConst):
        return None if np.isnan(bound.value.numpy()).any() else bound
    return relax.op.where(relax.op.isnan(bound), relax.const(nothing, bound.ty.dtype), bound)


CONVERTERS = {
    "Clip": clip,
    "Max": lambda node: reduce(relax.op.maximum, node.inputs),
    "Min": lambda node: reduce(relax.op.minimum, node.inputs),
}
