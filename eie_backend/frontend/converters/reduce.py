"""ReduceMax and ReduceMin: also of booleans, and of nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import Node, constant, dtype_of, extents, is_float


def largest(node: Node) -> relax.Expr:
    """Return the largest value over axes; of none, the lowest that there is."""
    return _reduced(node, relax.op.max, -1)


def least(node: Node) -> relax.Expr:
    """Return the least value over axes; of none, the highest that there is."""
    return _reduced(node, relax.op.min, 1)


def _reduced(node: Node, operator: Callable[..., relax.Expr], sign: int) -> relax.Expr:
    x, shape, kind = node.inputs[0], extents(node.inputs[0]), dtype_of(node.inputs[0])
    given = node.constant(1, "axes")
    axes = [
        int(a) for a in (node.attributes.get("axes", ()) if given is None else given.reshape(-1))
    ]
    if any(not -len(shape) <= axis < len(shape) for axis in axes):
        raise ModelError(f"axes are {axes}, they must be in {-len(shape)}..{len(shape) - 1}")
    axes = sorted({axis % len(shape) for axis in axes})
    if not axes and node.number("noop_with_empty_axes", 0):
        return x
    axes = axes or [*range(len(shape))]
    keep = bool(node.number("keepdims", 1))
    if any(shape[axis] == 0 for axis in axes):
        left = [1 if at in axes else size for at, size in enumerate(shape)]
        left = left if keep else [size for at, size in enumerate(shape) if at not in axes]
        if kind == "bool":
            end: object = sign > 0
        elif is_float(x):
            end = sign * np.inf
        else:
            end = np.iinfo(kind).max if sign > 0 else np.iinfo(kind).min
        return relax.op.broadcast_to(constant(end, kind), left)
    if kind == "bool":
        return relax.op.astype(operator(relax.op.astype(x, "int8"), axes, keep), kind)
    found = operator(x, axes, keep)
    if not is_float(x):
        return found
    # TVM begins with the lowest finite number, which is above the lowest of all.
    end = constant(sign * np.inf, kind)
    every = relax.op.min(relax.op.astype(relax.op.equal(x, end), "int8"), axes, keep)
    return relax.op.where(relax.op.astype(every, "bool"), end, found)


CONVERTERS = {"ReduceMax": largest, "ReduceMin": least}
