"""The operation that a region reduces by, and the start that changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import constant, dtype_of
from eie_backend.frontend.stablehlo_operators._operation import Operation, known

PAIRWISE: dict[str, Callable[..., relax.Expr]] = {
    "stablehlo.add": relax.op.add,
    "stablehlo.maximum": relax.op.maximum,
    "stablehlo.minimum": relax.op.minimum,
    "stablehlo.multiply": relax.op.multiply,
}
OF_BOOLEANS = {
    "stablehlo.add": "stablehlo.maximum",
    "stablehlo.and": "stablehlo.minimum",
    "stablehlo.maximum": "stablehlo.maximum",
    "stablehlo.minimum": "stablehlo.minimum",
    "stablehlo.multiply": "stablehlo.minimum",
    "stablehlo.or": "stablehlo.maximum",
}
"""What does the same to truth values as 0 and 1."""


def reducer_of(operation: Operation) -> str:
    """Return the one operation of the region, of truth values as one of 0 and 1.

    Raises
    ------
    ModelError
        If the region does anything else than to combine its two arguments by it.
    """
    block = operation.node.regions[0].blocks[0]
    body = list(block.operations)
    name = str(body[0].operation.name)
    arguments = [*block.arguments]
    if len(body) == 2 and [*body[0].operands] in (arguments, arguments[::-1]):
        if operation.dtype == "bool" and name in OF_BOOLEANS:
            return OF_BOOLEANS[name]
        if operation.dtype != "bool" and name in PAIRWISE:
            return name
    names = ", ".join(dict.fromkeys(str(one.operation.name) for one in body[:-1])) or "nothing"
    raise ModelError(
        f"it reduces {operation.dtype} by {names}, it must be by one of "
        f"{', '.join(PAIRWISE)}; use these"
    )


def neutral(reducer: str, kind: str) -> Any:
    """Return the start of a reduction that changes nothing."""
    if reducer in ("stablehlo.add", "stablehlo.multiply"):
        return int(reducer == "stablehlo.multiply")
    lowest = reducer == "stablehlo.maximum"
    if "float" in kind:
        return -np.inf if lowest else np.inf
    limits = np.iinfo(kind)
    return int(limits.min if lowest else limits.max)


def started(
    operation: Operation, reducer: str, start: relax.Expr, reduced: relax.Expr
) -> relax.Expr:
    """Return what was reduced, combined with a start unless that changes nothing."""
    values = known(start)
    kind = dtype_of(reduced)
    if values is not None and values.astype(kind) == np.asarray(neutral(reducer, kind), kind):
        return reduced
    return operation.emit(PAIRWISE[reducer](reduced, start))


def numeric(operation: Operation, values: Sequence[relax.Expr]) -> list[relax.Expr]:
    """Return tensors, truth values among them as 0 and 1."""
    return [
        value
        if dtype_of(value) != "bool"
        else constant(array, "int8")
        if (array := known(value)) is not None
        else operation.emit(relax.op.astype(value, "int8"))
        for value in values
    ]


def as_result(operation: Operation, value: relax.Expr) -> relax.Expr:
    """Return a result as truth values again, if it is of those."""
    if operation.dtype == dtype_of(value):
        return value
    return operation.emit(relax.op.astype(value, operation.dtype))
