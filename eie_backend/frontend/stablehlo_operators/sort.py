"""``sort``: one operand, or several in the order of the first."""

from __future__ import annotations

import numpy as np
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import dtype_of
from eie_backend.frontend.stablehlo_operators._known import called
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation

UNSORTED = ("bool", "uint8", "uint16", "uint32", "uint64")
"""What TVM does not sort."""

MOST_OTHERS = 4
"""Operands beside the first, whose orders are all tried."""


def sort(operation: Operation) -> tuple[relax.Expr, ...]:
    """Emit the operands in the order of the first one, rising or falling along an axis."""
    first, *others = operation.inputs
    axis = operation.integer("dimension", -1)
    if (kind := dtype_of(first)) in UNSORTED:
        raise ModelError(f"it sorts {kind}, which TVM cannot sort; give it int32")
    falling = _falls(operation)
    if not others:
        return (operation.emit(relax.op.sort(first, axis, falling)),)
    order = operation.emit(relax.op.argsort(first, axis, falling, "int32"))
    found = [operation.emit(relax.op.gather_elements(first, order, axis))]
    for at, other in enumerate(others, 1):
        attributes = getattr(operation.node.operands[at].owner, "attributes", {})
        if "iota_dimension" in attributes and int(attributes["iota_dimension"]) == axis:
            found.append(operation.emit(relax.op.astype(order, dtype_of(other))))
        else:
            found.append(operation.emit(relax.op.gather_elements(other, order, axis)))
    return tuple(found)


def _falls(operation: Operation) -> bool:
    """Return whether the first operand comes in falling order, by what its comparator says."""
    others = operation.inputs[1:]
    if len(others) > MOST_OTHERS:
        raise ModelError(
            f"it sorts {len(others)} others with the first, it may sort {MOST_OTHERS}; use argsort"
        )
    # Every order of the first pair with every order of the others.
    places = np.indices((5, 5) + (2, 2) * len(others)).reshape(2 + 2 * len(others), -1)
    kinds = [dtype_of(one) for one in operation.inputs for _ in range(2)]
    arguments = [one.astype(kind) for one, kind in zip(places, kinds, strict=True)]
    values = arguments[0] - 2, arguments[1] - 2
    arguments[:2] = values
    found = called(operation.node.regions[0].blocks[0], arguments)
    if found is not None:
        if np.array_equal(found[0], values[0] < values[1]):
            return False
        if np.array_equal(found[0], values[0] > values[1]):
            return True
    raise ModelError(
        "it compares otherwise than by the first operand alone, rising or falling; use one key"
    )


CONVERTERS: dict[str, Conversion] = {"stablehlo.sort": sort}
