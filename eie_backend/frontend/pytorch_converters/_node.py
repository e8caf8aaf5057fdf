"""What converters of PyTorch's operators see of a node: its arguments, by the operator's schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import relax

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


def emit(importer: Any, value: relax.Expr) -> relax.Var:
    """Return a variable that is bound to a value."""
    found: relax.Var = importer.block_builder.emit(value)
    return found
