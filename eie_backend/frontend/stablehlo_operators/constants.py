"""Constants, and numbers that count."""

from __future__ import annotations

from math import prod

import numpy as np
from tvm import relax

from eie_backend.frontend.onnx_node import constant, sized
from eie_backend.frontend.stablehlo_operators._known import LARGEST
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation


def values(operation: Operation) -> relax.Expr:
    """Return a constant."""
    return relax.const(np.array(operation.node.attributes["value"]), operation.dtype)


def iota(operation: Operation) -> relax.Expr:
    """Return numbers that count along an axis."""
    shape, axis = sized(operation.shape), operation.integer("iota_dimension")
    along = [1] * len(shape)
    along[axis] = shape[axis]
    numbers = np.arange(shape[axis]).reshape(along)
    if prod(shape) <= LARGEST:
        return constant(np.broadcast_to(numbers, shape), operation.dtype)
    return operation.emit(relax.op.broadcast_to(constant(numbers, operation.dtype), shape))


CONVERTERS: dict[str, Conversion] = {"stablehlo.constant": values, "stablehlo.iota": iota}
