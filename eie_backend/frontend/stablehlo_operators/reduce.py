"""``reduce``: sums, products and extremes over axes; and where the largest or smallest value is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.stablehlo_operators._known import called
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation
from eie_backend.frontend.stablehlo_operators._reducers import (
    as_result,
    numeric,
    reducer_of,
    started,
)

REDUCTIONS: dict[str, Callable[..., relax.Expr]] = {
    "stablehlo.add": relax.op.sum,
    "stablehlo.maximum": relax.op.max,
    "stablehlo.minimum": relax.op.min,
    "stablehlo.multiply": relax.op.prod,
}


def reduce(operation: Operation) -> relax.Expr | tuple[relax.Expr, relax.Expr]:
    """Emit a reduction over axes."""
    if len(operation.inputs) != 2:
        return _place(operation)
    reducer = reducer_of(operation)
    data, start = numeric(operation, operation.inputs)
    axes = operation.ints("dimensions")
    reduced = operation.emit(REDUCTIONS[reducer](data, axis=axes)) if axes else data
    return as_result(operation, started(operation, reducer, start, reduced))


def _place(operation: Operation) -> tuple[relax.Expr, relax.Expr]:
    """Emit the largest or smallest value and its first place, as ``jnp.argmax`` says that.

    The region only compares and chooses, so a few pairs of each order say what it does.
    """
    axes = operation.ints("dimensions")
    if len(operation.inputs) == 4 and len(axes) == 1:
        counted = operation.node.operands[1].owner
        attributes = getattr(counted, "attributes", {})
        if "iota_dimension" in attributes and int(attributes["iota_dimension"]) == axes[0]:
            for largest in (True, False):
                if _keeps(operation, largest):
                    data, axis = operation.inputs[0], axes[0]
                    best = relax.op.max if largest else relax.op.min
                    where = relax.op.argmax if largest else relax.op.argmin
                    place = operation.emit(where(data, axis, False))
                    kind = str(operation.inputs[1].ty.dtype)
                    return (
                        operation.emit(best(data, axis=[axis])),
                        operation.emit(relax.op.astype(place, kind)),
                    )
    raise ModelError(
        f"its {len(operation.inputs) // 2} operands make neither argmax nor argmin; use these"
    )


def _keeps(operation: Operation, largest: bool) -> bool:
    """Return whether the region keeps the larger of two values (or the smaller), with its place.

    Of equal ones, that in front.
    """
    kinds = [str(operation.inputs[at].ty.dtype) for at in (0, 1)]
    pairs = np.array([*product((0, 1, 2), repeat=4)]).T
    values, places = pairs[::2].astype(kinds[0]), pairs[1::2].astype(kinds[1])
    found = called(
        operation.node.regions[0].blocks[0], [values[0], places[0], values[1], places[1]]
    )
    if found is None:
        return False
    better = values[0] > values[1] if largest else values[0] < values[1]
    first = better | ((values[0] == values[1]) & (places[0] < places[1]))
    wanted = (
        np.where(better, values[0], values[1]),
        np.where(first, places[0], places[1]),
    )
    return all(np.array_equal(*pair) for pair in zip(found, wanted, strict=True))


CONVERTERS: dict[str, Conversion] = {"stablehlo.reduce": reduce}
