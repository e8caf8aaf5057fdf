"""Quantized operators: scales and zero points of a tensor, an axis, or blocks of one."""

from __future__ import annotations

import numpy as np
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import Node, constant, dtype_of, extents, numpy_dtype

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32")


def quantize_linear(node: Node) -> relax.Expr:
    """Return ``saturate(round(x / scale) + zero_point)``, rounded to even."""
    x, scale, zero = node.inputs[0], node.inputs[1], node.input(2)
    declared = int(node.number("output_dtype", 0))
    kind = dtype_of(zero) if zero is not None else numpy_dtype(declared) if declared else "uint8"
    if int(node.number("precision", 0)):
        raise ModelError("its precision is given; leave it out")
    return _rounded(node, relax.op.divide(x, _spread(node, scale)), _spread(node, zero), kind)


def dequantize_linear(node: Node) -> relax.Expr:
    """Return ``(x - zero_point) * scale``."""
    x, scale, zero = node.inputs[0], node.inputs[1], node.input(2)
    _check(dtype_of(x))
    declared = int(node.number("output_dtype", 0))
    kind = numpy_dtype(declared) if declared else dtype_of(scale)
    wide = relax.op.astype(x, "int32" if dtype_of(x) != "uint32" else "int64")
    if zero is not None:
        wide = relax.op.subtract(wide, relax.op.astype(_spread(node, zero), "int32"))
    value = relax.op.multiply(relax.op.astype(wide, dtype_of(scale)), _spread(node, scale))
    return value if kind == dtype_of(scale) else relax.op.astype(value, kind)


def matmul_of_quantized(node: Node) -> relax.Expr:
    """Return the product of two quantized matrices, quantized."""
    a, a_scale, a_zero, b, b_scale, b_zero, scale, zero = node.inputs
    product = relax.op.matmul(_offset(a, a_zero, -1), _offset(b, b_zero, -2), "int32")
    factor = relax.op.multiply(_column(a_scale, a, -1), _column(b_scale, b, -2))
    kind = dtype_of(a_scale)
    value = relax.op.multiply(
        relax.op.astype(product, kind), relax.op.divide(factor, relax.op.astype(scale, kind))
    )
    return _rounded(node, value, zero, dtype_of(zero))


def _rounded(node: Node, value: relax.Expr, zero: relax.Expr | None, kind: str) -> relax.Expr:
    """Return a float as the nearest integer, moved, within what a dtype holds."""
    _check(kind)
    least, most = np.iinfo(kind).min, np.iinfo(kind).max
    rounded = node.builder.normalize(relax.op.round(value))
    if zero is not None:
        rounded = relax.op.add(rounded, relax.op.astype(zero, dtype_of(rounded)))
    return relax.op.astype(relax.op.clip(rounded, float(least), float(most)), kind)


def _check(kind: str) -> None:
    if kind not in INTEGERS:
        raise ModelError(f"it is quantized to {kind}, it must be one of {', '.join(INTEGERS)}")


def _spread(node: Node, value: relax.Expr | None) -> relax.Expr | None:
    """Return scales or zero points in a shape that broadcasts with the input."""
    if value is None:
        return None
    shape, given = extents(node.inputs[0]), extents(value)
    if given in ([], [1]):
        return relax.op.reshape(value, []) if given else value
    axis, block = (
        node.axis(1 if len(shape) > 1 else 0, len(shape)),
        int(node.number("block_size", 0)),
    )
    if len(given) == 1 and given[0] == shape[axis]:
        along = [1] * len(shape)
        along[axis] = given[0]
        return relax.op.reshape(value, along)
    blocks = (
        [-(-size // block) if at == axis else size for at, size in enumerate(shape)]
        if block > 0
        else []
    )
    if given != blocks:
        raise ModelError(f"scales of shape {given} for an input of shape {shape}; give one each")
    places = constant(np.arange(shape[axis]) // block, "int64")
    return relax.op.take(value, places, axis, mode="clip")


def _column(value: relax.Expr, matrix: relax.Expr, axis: int) -> relax.Expr:
    """Return scales of a matrix's rows or columns with a place for its other axis."""
    given = extents(value)
    if len(given) != 1 or given == [1]:
        return relax.op.reshape(value, []) if given == [1] else value
    return relax.op.expand_dims(value, [1] if axis == -1 else [0])


def _offset(matrix: relax.Expr, zero: relax.Expr | None, axis: int) -> relax.Expr:
    wide = relax.op.astype(matrix, "int32")
    if zero is None:
        return wide
    return relax.op.subtract(wide, relax.op.astype(_column(zero, matrix, axis), "int32"))


CONVERTERS = {
    "DequantizeLinear": dequantize_linear,
    "QLinearMatMul": matmul_of_quantized,
    "QuantizeLinear": quantize_linear,
}
