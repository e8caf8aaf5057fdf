"""`Operation`: what a converter sees of an operation of StableHLO, and where it emits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxlib.mlir import ir
from numpy.typing import NDArray
from tvm import relax
from tvm.ir.expr import GenericConst

DTYPES = {"f16": "float16", "f32": "float32", "f64": "float64", "i1": "bool"} | {
    f"{sign}i{bits}": f"{'u' * bool(sign)}int{bits}"
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}


CONSTANT, RETURN = "stablehlo.constant", "stablehlo.return"


def shape_of(type_: ir.Type) -> list[int]:
    """Return the static shape of a tensor type."""
    return list(ir.ShapedType(type_).shape)


def dtype_of_type(type_: ir.Type) -> str:
    """Return the element type of a tensor type."""
    element = str(ir.ShapedType(type_).element_type)
    if element not in DTYPES:
        raise NotImplementedError(f"element type {element}")
    return DTYPES[element]


def known(value: relax.Expr) -> NDArray[Any] | None:
    """Return the values of a constant, None for what depends on data."""
    if not isinstance(value, GenericConst):
        return None
    values: NDArray[Any] = value.value.numpy()
    return values


@dataclass(frozen=True)
class Operation:
    """An operation: its node, its operands as Relax, and where it emits.

    `scopes` notes what the source calls the products, by their variables.
    """

    node: Any
    inputs: Sequence[relax.Expr]
    builder: relax.BlockBuilder
    scopes: dict[str, str]

    @property
    def name(self) -> str:
        """The operation, with its dialect."""
        return str(self.node.operation.name)

    @property
    def location(self) -> str:
        """Where it stands, as MLIR prints it."""
        return str(self.node.location)

    @property
    def shape(self) -> list[int]:
        """The shape of the first result."""
        return shape_of(self.node.results[0].type)

    @property
    def dtype(self) -> str:
        """The dtype of the first result."""
        return dtype_of_type(self.node.results[0].type)

    def ints(self, attribute: str, default: Sequence[int] = ()) -> list[int]:
        """Return an attribute that is a list of integers or of truth values."""
        if attribute not in self.node.attributes:
            return [*default]
        return [int(one) for one in self.node.attributes[attribute]]

    def integer(self, attribute: str, default: int = 0) -> int:
        """Return an attribute that is an integer."""
        if attribute not in self.node.attributes:
            return default
        return int(ir.IntegerAttr(self.node.attributes[attribute]).value)

    def pairs(self, attribute: str, count: int) -> list[tuple[int, int]]:
        """Return an attribute of shape (count, 2), zeros if it is left out."""
        if attribute not in self.node.attributes:
            return [(0, 0)] * count
        values = np.array(self.node.attributes[attribute]).reshape(count, 2)
        return [(int(low), int(high)) for low, high in values]

    def emit(self, value: relax.Expr) -> relax.Expr:
        """Return a variable that is bound to a value."""
        return self.builder.emit(value)

    def arranged(
        self, data: relax.Expr, axes: list[int] | None, shape: Sequence[int]
    ) -> relax.Expr:
        """Return data with its axes in another order and then another shape, if they are."""
        if axes is not None and axes != sorted(axes):
            data = self.emit(relax.op.permute_dims(data, axes))
        if [int(extent) for extent in data.ty.shape.values] != [*shape]:
            data = self.emit(relax.op.reshape(data, [*shape]))
        return data


Conversion = Callable[[Operation], Any]
"""Returns a Relax expression, or a tuple of them, one for each result."""
