"""Indices that stay inside: what StableHLO does to those outside of a tensor."""

from __future__ import annotations

import numpy as np
from tvm import relax

from eie_backend.frontend.onnx_node import constant, dtype_of
from eie_backend.frontend.stablehlo_operators._operation import Operation, known

PLACE = "int32"
"""Tensors have fewer values than it counts."""


def clamped(operation: Operation, index: relax.Expr, high: int) -> relax.Expr:
    """Return indices, the ones below 0 as 0 and those above `high` as that; in int32."""
    kind = dtype_of(index)
    most = min(high, np.iinfo(kind).max)
    if (values := known(index)) is not None:
        return constant(np.clip(values, 0, most), PLACE)
    low = operation.emit(relax.op.maximum(index, constant(0, kind)))
    inside = operation.emit(relax.op.minimum(low, constant(most, kind)))
    return inside if kind == PLACE else operation.emit(relax.op.astype(inside, PLACE))


def plus(operation: Operation, one: relax.Expr, other: relax.Expr) -> relax.Expr:
    """Return the sum of two tensors of indices, which broadcast; a constant if both are."""
    values, more = known(one), known(other)
    if values is not None and more is not None:
        return constant(values + more, dtype_of(one))
    return operation.emit(relax.op.add(one, other))
