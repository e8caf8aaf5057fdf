"""`Node`: what a converter of this package sees of a node, and what it asks of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from onnx.helper import tensor_dtype_to_np_dtype
from tvm import relax
from tvm.ir.expr import GenericConst

from eie_backend.errors import ModelError
from eie_backend.transform.guards import check
from eie_backend.transform.guards.value_sizes import VALUES

LONGEST = 1 << 24
"""Longest axis for which an importer makes a table of constants."""


@dataclass(frozen=True)
class Node:
    """A node: its operator, inputs (None for those left out), attributes, and how many results.

    `opset` is the version of ONNX's operator set.
    """

    operator: str
    inputs: Sequence[Any]
    attributes: Mapping[str, Any]
    opset: int
    results: int
    builder: relax.BlockBuilder

    @property
    def name(self) -> str:
        """What the node is called."""
        return str(self.attributes["tvm_custom"]["name"])

    def input(self, at: int) -> Any:
        """Return an input, None if it is left out."""
        return self.inputs[at] if at < len(self.inputs) else None

    def constant(self, at: int, what: str) -> NDArray[Any] | None:
        """Return the values of an input that must be constant, None if it is left out."""
        given = self.input(at)
        if given is None:
            return None
        if isinstance(given, relax.ShapeExpr):
            return np.array([int(one) for one in given.values], np.int64)
        if not isinstance(given, GenericConst):
            raise ModelError(f"its {what} depend on data; make them constants of the model")
        values: NDArray[Any] = given.value.numpy()
        return values

    def text(self, name: str, default: str, allowed: Sequence[str] = ()) -> str:
        """Return an attribute that is a text, one of those allowed."""
        given = self.attributes.get(name, default)
        found: str = given.decode("utf-8", "replace") if isinstance(given, bytes) else given
        if allowed and found not in allowed:
            raise ModelError(f"{name} is {found!r}, it must be one of {', '.join(allowed)}")
        return found

    def number(self, name: str, default: Any) -> Any:
        """Return an attribute that is a number."""
        return self.attributes.get(name, default)

    def ints(self, name: str, default: Sequence[int], low: int, high: int = VALUES) -> list[int]:
        """Return an attribute that is as many integers as `default`, each in a range."""
        found = [int(one) for one in self.attributes.get(name, default)]
        if len(found) != len(default):
            raise ModelError(f"{name} has {len(found)} values, it must have {len(default)}")
        if any(not low <= one <= high for one in found):
            raise ModelError(f"{name} is {found}, each must be in {low}..{high}")
        return found

    def axis(self, default: int, rank: int, name: str = "axis") -> int:
        """Return an attribute that is an axis of a tensor, counted from the start."""
        given = int(self.attributes.get(name, default))
        if not -rank <= given < rank:
            raise ModelError(f"{name} is {given}, it must be in {-rank}..{rank - 1}")
        return given % rank


Conversion = Callable[[Node], Any]
"""Returns a Relax expression, or a tuple of them."""


def extents(value: relax.Expr) -> list[int]:
    """Return the shape of a tensor, which must be fixed."""
    try:
        return check.extents(value)
    except check.UnknownShape as error:
        raise ModelError(str(error)) from error


def dtype_of(value: relax.Expr) -> str:
    """Return a tensor's dtype."""
    return str(value.ty.dtype)


def is_float(value: relax.Expr) -> bool:
    """Return whether a tensor is of floating point."""
    return "float" in dtype_of(value)


def numpy_dtype(onnx_type: int) -> str:
    """Return the name of ONNX's element type."""
    try:
        return str(tensor_dtype_to_np_dtype(onnx_type))
    except KeyError:
        known = TensorProto.DataType.keys()[1:]
        raise ModelError(
            f"{onnx_type} is no element type, it must be one of {', '.join(known)}"
        ) from None


def constant(values: Any, dtype: str) -> relax.Expr:
    """Return a constant tensor."""
    return relax.const(np.asarray(values).astype(dtype), dtype)


def sized(shape: Sequence[int]) -> list[int]:
    """Return the shape of a result, which must have some values and not too many."""
    if min(shape, default=1) < 1 or prod(shape) > VALUES:
        raise ModelError(f"its result has shape {[*shape]}, it must have 1..{VALUES} values")
    if max(shape, default=1) > LONGEST:
        raise ModelError(f"its result has shape {[*shape]}, an axis must be at most {LONGEST}")
    return [*shape]
