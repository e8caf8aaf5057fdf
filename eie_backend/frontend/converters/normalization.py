"""Normalizations: all their results, and scales of any shape that broadcasts."""

from __future__ import annotations

from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import Node, constant, dtype_of, extents, numpy_dtype


def layer_normalization(node: Node) -> relax.Expr | tuple[relax.Expr, ...]:
    """Return the normalised input, and the mean and the inverse deviation if they are used."""
    x, scale, bias = node.inputs[0], node.inputs[1], node.input(2)
    shape = extents(x)
    axis = node.axis(-1, len(shape))
    axes, epsilon = [*range(axis, len(shape))], float(node.number("epsilon", 1e-5))
    kind, stash = dtype_of(x), numpy_dtype(int(node.number("stash_type", 1)))
    plain = [extents(one) for one in (scale, bias) if one is not None]
    if node.results == 1 and kind == stash and all(one == shape[axis:] for one in plain):
        bias = constant(0, kind) if bias is None else bias
        if bias is not node.input(2):
            bias = relax.op.zeros(shape[axis:], kind)
        return relax.op.nn.layer_norm(x, scale, bias, axes, epsilon)
    emit = node.builder.emit
    value = emit(relax.op.astype(x, stash)) if kind != stash else x
    mean = emit(relax.op.mean(value, axes, keepdims=True))
    centered = emit(relax.op.subtract(value, mean))
    variance = relax.op.mean(relax.op.multiply(centered, centered), axes, keepdims=True)
    inverse = emit(relax.op.rsqrt(relax.op.add(variance, constant(epsilon, stash))))
    normal = relax.op.multiply(centered, inverse)
    normal = relax.op.astype(normal, kind) if kind != stash else normal
    result = relax.op.multiply(normal, scale)
    return (result if bias is None else relax.op.add(result, bias), mean, inverse)[: node.results]


def rms_normalization(node: Node) -> relax.Expr:
    """Return the input over the root of its mean square, scaled."""
    x, scale = node.inputs[0], node.inputs[1]
    rank = len(extents(x))
    axes = [*range(node.axis(-1, rank), rank)]
    kind, stash = dtype_of(x), numpy_dtype(int(node.number("stash_type", 1)))
    value = relax.op.astype(x, stash) if kind != stash else x
    squares = relax.op.mean(relax.op.multiply(value, value), axes, keepdims=True)
    epsilon = constant(float(node.number("epsilon", 1e-5)), stash)
    normal = relax.op.multiply(value, relax.op.rsqrt(relax.op.add(squares, epsilon)))
    normal = relax.op.astype(normal, kind) if kind != stash else normal
    return relax.op.multiply(normal, scale)


def lp_normalization(node: Node) -> relax.Expr:
    """Return the input over its norm along an axis; 0 where that is 0."""
    x = node.inputs[0]
    axis, p = node.axis(-1, len(extents(x))), int(node.number("p", 2))
    if p not in (1, 2):
        raise ModelError(f"p is {p}, it must be 1 or 2")
    if p == 1:
        norm = relax.op.sum(relax.op.abs(x), [axis], keepdims=True)
    else:
        norm = relax.op.sqrt(relax.op.sum(relax.op.multiply(x, x), [axis], keepdims=True))
    norm, zero = node.builder.emit(norm), constant(0, dtype_of(x))
    empty = relax.op.equal(norm, zero)
    safe = relax.op.where(empty, constant(1, dtype_of(x)), norm)
    return relax.op.where(empty, zero, relax.op.divide(x, safe))


def batch_normalization(node: Node) -> relax.Expr | tuple[relax.Expr, ...] | None:
    """Return the normalised input; in training mode by its own mean and variance."""
    if not node.number("training_mode", 0):
        if node.results > 1:
            raise ModelError("its results after the first belong to training; leave them out")
        return None
    x, scale, bias, mean, variance = node.inputs
    shape, kind, emit = extents(x), dtype_of(x), node.builder.emit
    axes, along = [0, *range(2, len(shape))], [1, shape[1], *[1] * (len(shape) - 2)]
    own_mean, own_variance = emit(relax.op.mean(x, axes)), emit(relax.op.variance(x, axes))
    epsilon = constant(float(node.number("epsilon", 1e-5)), kind)
    inverse = relax.op.rsqrt(relax.op.add(own_variance, epsilon))
    centered = relax.op.subtract(x, relax.op.reshape(own_mean, along))
    scaled = relax.op.multiply(centered, relax.op.reshape(relax.op.multiply(inverse, scale), along))
    result = relax.op.add(scaled, relax.op.reshape(bias, along))
    kept = float(node.number("momentum", 0.9))

    def running(before: relax.Expr, now: relax.Expr) -> relax.Expr:
        old = relax.op.multiply(before, constant(kept, dtype_of(before)))
        return relax.op.add(old, relax.op.multiply(now, constant(1 - kept, dtype_of(before))))

    return (result, running(mean, own_mean), running(variance, own_variance))[: node.results]


CONVERTERS = {
    "BatchNormalization": batch_normalization,
    "LayerNormalization": layer_normalization,
    "LpNormalization": lp_normalization,
    "RMSNormalization": rms_normalization,
}
