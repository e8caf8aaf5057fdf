"""Pow, Mod, IsInf and their kind: the dtype and the special values that ONNX says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tvm import relax

from eie_backend.frontend.onnx_node import Node, constant, dtype_of, extents, is_float


def power(node: Node) -> relax.Expr:
    """Return powers of the base's dtype, whatever that of the exponent."""
    base, exponent = node.inputs
    kind, other = dtype_of(base), dtype_of(exponent)
    if "float" in kind:
        same = exponent if kind == other else relax.op.astype(exponent, kind)
        return relax.op.power(base, same)
    # TVM has no powers of integers; what is broken is cut off, as in ONNX Runtime.
    wide = "float64"
    found = relax.op.power(relax.op.astype(base, wide), relax.op.astype(exponent, wide))
    return relax.op.astype(found, kind)


def modulo(node: Node) -> relax.Expr | None:
    """Return remainders with the divisor's sign, or with the dividend's if `fmod` is set."""
    if not is_float(node.inputs[0]) or node.number("fmod", 0):
        return None
    dividend, divisor = node.inputs
    zero = constant(0, dtype_of(dividend))
    rest = node.builder.emit(relax.op.mod(dividend, divisor))
    signs = relax.op.logical_xor(relax.op.less(rest, zero), relax.op.less(divisor, zero))
    shifted = relax.op.logical_and(signs, relax.op.not_equal(rest, zero))
    return relax.op.where(shifted, relax.op.add(rest, divisor), rest)


def is_infinite(node: Node) -> relax.Expr:
    """Return where the input is infinite, of one sign or of both."""
    (x,) = node.inputs
    found = relax.op.isinf(x)
    signs = [int(node.number(f"detect_{one}", 1)) for one in ("negative", "positive")]
    if signs == [0, 0]:
        return relax.op.zeros(extents(x), "bool")
    zero = constant(0, dtype_of(x))
    if signs == [1, 0]:
        return relax.op.logical_and(found, relax.op.less(x, zero))
    if signs == [0, 1]:
        return relax.op.logical_and(found, relax.op.greater(x, zero))
    return found


def cumulative_product(node: Node) -> relax.Expr:
    """Return products of all values up to each along an axis, or of those before it."""
    return _scan(node, relax.op.cumprod, 1)


def cumulative_sum(node: Node) -> relax.Expr:
    """Return sums of all values up to each along an axis, or of those before it."""
    return _scan(node, relax.op.cumsum, 0)


def _scan(node: Node, scan: Callable[..., relax.Expr], start: int) -> relax.Expr:
    x, shape, kind = node.inputs[0], extents(node.inputs[0]), dtype_of(node.inputs[0])
    given = node.constant(1, "axis")
    axis = Node("", (), {"axis": int(np.asarray(given).reshape(-1)[0])}, 0, 1, node.builder).axis(
        0, len(shape)
    )
    if node.number("reverse", 0):
        x = relax.op.flip(x, axis)
    found = scan(x, axis, kind)
    if node.number("exclusive", 0):
        widths = [0] * 2 * len(shape)
        widths[2 * axis] = 1
        shifted = relax.op.nn.pad(found, widths, "constant", float(start))
        found = relax.op.strided_slice(shifted, [axis], [0], [shape[axis]])
    return relax.op.flip(found, axis) if node.number("reverse", 0) else found


CONVERTERS = {
    "CumProd": cumulative_product,
    "CumSum": cumulative_sum,
    "IsInf": is_infinite,
    "Mod": modulo,
    "Pow": power,
}
