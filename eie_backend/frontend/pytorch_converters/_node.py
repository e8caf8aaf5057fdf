"""What converters of PyTorch's operators see of a node: its arguments, by the operator's schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import relax

from eie_backend.frontend.onnx_node import dtype_of, is_float

Conversion = Callable[[Any, Any], relax.Expr]
"""Takes a node of the program and TVM's importer, and emits what the node becomes."""


def arguments(node: Any, importer: Any) -> dict[str, Any]:
    """Return a node's arguments by name: tensors as Relax, those left out as their defaults."""
    found = {}
    for at, one in enumerate(node.target._schema.arguments):
        if at < len(node.args):
            given = node.args[at]
        else:
            given = node.kwargs.get(
                one.name, one.default_value if one.has_default_value() else None
            )
        found[one.name] = importer._retrieve_args(given) if given is not None else None
    return found


def accumulated(given: dict[str, Any], importer: Any) -> relax.Expr:
    """Return `self` in the dtype that sums and products of it have: `dtype`, or 64-bit integers."""
    x = given["self"]
    if given["dtype"] is not None:
        kind = importer._convert_data_type(str(given["dtype"]), importer.env)
    else:
        kind = dtype_of(x) if is_float(x) else "int64"
    return x if kind == dtype_of(x) else emit(importer, relax.op.astype(x, kind))


def emit(importer: Any, value: relax.Expr) -> relax.Var:
    """Return a variable that is bound to a value."""
    found: relax.Var = importer.block_builder.emit(value)
    return found
