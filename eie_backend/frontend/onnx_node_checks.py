"""What TVM's importer takes for granted of a node, and computes while it reads the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax
from tvm.ir import is_prim_expr
from tvm.ir.expr import GenericConst

from eie_backend.transform.guards.check import UnknownShape, extents
from eie_backend.transform.guards.constant_faults import lowest, zeros
from eie_backend.transform.guards.operator_kinds import DATA_DECIDES
from eie_backend.transform.guards.shapes import pad_faults

NodeCheck = Callable[[Sequence[Any], Mapping[str, Any]], Iterator[str]]
"""Takes a node's inputs, None for those left out, and its attributes; yields faults."""


def faults(operator: str, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a node whose importer would not notice."""
    if operator not in NODE_CHECKS:
        return []
    try:
        return [*NODE_CHECKS[operator](inputs, attributes)]
    except UnknownShape as error:
        return [str(error)]


def _einsum(inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Iterator[str]:
    equation = _text(attributes.get("equation", "")).replace(" ", "")
    terms, arrow, result = equation.partition("->")
    if arrow:
        labels = result.replace("...", "")
        wrong = {one for one in labels if labels.count(one) > 1 or one not in terms}
        if wrong:
            yield f"equation {equation!r}: {', '.join(sorted(wrong))} cannot be in the result"
            return
    # Arrays of one value, which is all that NumPy looks at.
    operands = [np.broadcast_to(np.float32(0), extents(one)) for one in inputs]
    try:
        np.einsum_path(equation, *operands)
    except (ValueError, IndexError, KeyError) as error:
        yield f"equation {equation!r} for shapes {[one.shape for one in operands]}: {error}"


def _pad(inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Iterator[str]:
    pads = _constant(inputs, 1)
    widths = attributes.get("pads") if pads is None else pads.reshape(-1).tolist()
    if widths is None:
        return
    shape = extents(inputs[0])
    given = _constant(inputs, 3)
    axes = list(range(len(shape))) if given is None else given.reshape(-1).tolist()
    if len(widths) != 2 * len(axes) or any(not -len(shape) <= axis < len(shape) for axis in axes):
        yield f"{len(widths)} pads for axes {axes} of {len(shape)}"
        return
    before, after = [0] * len(shape), [0] * len(shape)
    for at, axis in enumerate(axes):
        before[axis], after[axis] = int(widths[at]), int(widths[len(axes) + at])
    yield from pad_faults(shape, before, after, _text(attributes.get("mode", "constant")))


def _divide(inputs: Sequence[Any], _attributes: Mapping[str, Any]) -> Iterator[str]:
    dividend, divisor = _constant(inputs, 0), _constant(inputs, 1)
    if divisor is None or not np.issubdtype(divisor.dtype, np.integer):
        return
    yield from zeros(divisor)
    if dividend is not None and np.issubdtype(dividend.dtype, np.signedinteger):
        yield from lowest(dividend, divisor)


def _convolution(inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Iterator[str]:
    kernel, given = extents(inputs[1])[2:], attributes.get("kernel_shape")
    if given is not None and [*given] != kernel:
        yield f"kernel_shape is {[*given]}, its weights have {kernel}"


def _local_response(_inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Iterator[str]:
    size = int(attributes.get("size", 1))
    if size % 2 == 0:
        yield f"size is {size}, it must be odd for TVM's importer"


def _data_decides(inputs: Sequence[Any], _attributes: Mapping[str, Any]) -> Iterator[str]:
    yield DATA_DECIDES


def _range(inputs: Sequence[Any], _attributes: Mapping[str, Any]) -> Iterator[str]:
    if not all(isinstance(one, GenericConst) or is_prim_expr(one) for one in inputs):
        yield DATA_DECIDES


def _constant(inputs: Sequence[Any], at: int) -> NDArray[Any] | None:
    given = inputs[at] if at < len(inputs) else None
    if isinstance(given, relax.ShapeExpr):
        return np.array([int(one) for one in given.values])
    if isinstance(given, GenericConst):
        values: NDArray[Any] = given.value.numpy()
        return values
    return None


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


NODE_CHECKS: Mapping[str, NodeCheck] = {
    "Compress": _data_decides,
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "Div": _divide,
    "Einsum": _einsum,
    "LRN": _local_response,
    "Mod": _divide,
    "NonMaxSuppression": _data_decides,
    "NonZero": _data_decides,
    "Pad": _pad,
    "Range": _range,
    "Unique": _data_decides,
}
"""By operator, of the default domain."""
