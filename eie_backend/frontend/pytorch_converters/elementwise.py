"""ELU with its scales, which is SELU; lengths; sums and products along an axis, of booleans too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tvm import relax

from eie_backend.frontend.onnx_node import constant, dtype_of
from eie_backend.frontend.pytorch_converters._node import accumulated, arguments, emit


def elu(node: Any, importer: Any) -> relax.Var:
    """Emit ``scale * (max(x, 0) + alpha * (exp(input_scale * min(x, 0)) - 1))``."""
    given = arguments(node, importer)
    x, kind = given["self"], dtype_of(given["self"])
    alpha, scale, inner = (
        constant(float(given[name]), kind) for name in ("alpha", "scale", "input_scale")
    )
    below = relax.op.minimum(x, constant(0, kind))
    powers = relax.op.exp(relax.op.multiply(below, inner))
    negative = relax.op.multiply(alpha, relax.op.subtract(powers, constant(1, kind)))
    return emit(importer, relax.op.multiply(scale, relax.op.add(relax.op.nn.relu(x), negative)))


def _scan(node: Any, importer: Any, operator: Callable[..., relax.Expr]) -> relax.Var:
    given = arguments(node, importer)
    x = accumulated(given, importer)
    return emit(importer, operator(x, int(given["dim"]), dtype_of(x)))


def hypot(node: Any, importer: Any) -> relax.Var:
    """Emit the length of a vector of two."""
    given = arguments(node, importer)
    squares = (relax.op.multiply(given[name], given[name]) for name in ("self", "other"))
    return emit(importer, relax.op.sqrt(relax.op.add(*squares)))


CONVERTERS = {
    "cumprod.default": partial(_scan, operator=relax.op.cumprod),
    "cumsum.default": partial(_scan, operator=relax.op.cumsum),
    "elu.default": elu,
    "hypot.default": hypot,
}
