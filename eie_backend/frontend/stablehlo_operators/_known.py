"""What operations on constants make, at once: counters of loops, indices, starts of reductions.

It is exact: nothing here rounds otherwise than the operation, and divisors are left to their guard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.frontend.stablehlo_operators._operation import (
    RETURN,
    dtype_of_type,
    shape_of,
)

LARGEST = 4096
"""Values of a result; larger ones are folded with the module."""

Array = NDArray[Any]


def direction_of(node: Any) -> str:
    """Return how a ``stablehlo.compare`` compares: EQ, NE, GT, GE, LT or LE."""
    found: str = re.findall("[A-Z]{2}", str(node.attributes["comparison_direction"]))[-1]
    return found


COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    "EQ": np.equal,
    "NE": np.not_equal,
    "GT": np.greater,
    "GE": np.greater_equal,
    "LT": np.less,
    "LE": np.less_equal,
}


def _broadcast(node: Any, x: Array) -> Array:
    shape = shape_of(node.results[0].type)
    aligned = [1] * len(shape)
    for dim, extent in zip(node.attributes["broadcast_dimensions"], x.shape, strict=True):
        aligned[dim] = extent
    return np.broadcast_to(x.reshape(aligned), shape)


def _constant(node: Any) -> Array:
    kind = dtype_of_type(node.results[0].type)
    return np.array(node.attributes["value"]).astype(kind)


EVALUATED: dict[str, Callable[..., Array]] = {
    "stablehlo.add": lambda _, x, y: x + y,
    "stablehlo.and": lambda _, x, y: x & y,
    "stablehlo.broadcast_in_dim": _broadcast,
    "stablehlo.clamp": lambda _, low, x, high: np.minimum(np.maximum(x, low), high),
    "stablehlo.compare": lambda node, x, y: COMPARE[direction_of(node)](x, y),
    "stablehlo.constant": _constant,
    "stablehlo.convert": lambda node, x: x.astype(dtype_of_type(node.results[0].type)),
    "stablehlo.maximum": lambda _, x, y: np.maximum(x, y),
    "stablehlo.minimum": lambda _, x, y: np.minimum(x, y),
    "stablehlo.multiply": lambda _, x, y: x * y,
    "stablehlo.negate": lambda _, x: -x,
    "stablehlo.not": lambda _, x: ~x,
    "stablehlo.or": lambda _, x, y: x | y,
    "stablehlo.reshape": lambda node, x: x.reshape(shape_of(node.results[0].type)),
    "stablehlo.select": lambda _, which, x, y: np.asarray(np.where(which, x, y)),
    "stablehlo.subtract": lambda _, x, y: x - y,
    "stablehlo.xor": lambda _, x, y: x ^ y,
}

RESHAPING = ("stablehlo.broadcast_in_dim", "stablehlo.reshape")
"""What does not work on each value alone."""


def evaluated(node: Any, inputs: Sequence[Array | None]) -> Array | None:
    """Return the result of an operation on constants, None if it is not computed here.

    One without values is known, too.

    Parameters
    ----------
    node : operation of MLIR
        With one result.
    inputs : sequence of array or None
        The operands' values, None where they depend on data.
    """
    name = node.operation.name
    if len(node.results) == 1 and not prod(shape := shape_of(node.results[0].type)):
        return np.zeros(shape, dtype_of_type(node.results[0].type))
    if name not in EVALUATED or not inputs or any(one is None for one in inputs):
        return None
    if prod(shape_of(node.results[0].type)) > LARGEST:
        return None
    with np.errstate(all="ignore"):
        return np.asarray(EVALUATED[name](node, *inputs))


def called(block: Any, arguments: Sequence[Array]) -> list[Array] | None:
    """Return what a region computes for arrays in place of its scalars.

    None if it does anything that is not known here.
    """
    values = dict(zip(block.arguments, arguments, strict=True))
    for node in block.operations:
        name = node.operation.name
        if name == RETURN:
            return [values[operand] for operand in node.operands]
        if (
            name not in EVALUATED
            or name in RESHAPING
            or any(operand not in values for operand in node.operands)
        ):
            return None
        with np.errstate(all="ignore"):
            result = EVALUATED[name](node, *(values[operand] for operand in node.operands))
        values[node.results[0]] = np.asarray(result)
    return None
