"""``dot_general``: products of matrices, layers of the machine where weights are constant."""

from __future__ import annotations

import re
from math import prod

from jaxlib.mlir.dialects import stablehlo
from tvm import relax

from eie_backend.frontend.onnx_node import extents
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation
from eie_backend.names.rule import identifier, source_name


def dot_general(operation: Operation) -> relax.Expr:
    """Bring both operands to (batch..., rows, k) and (batch..., k, columns), and multiply."""
    lhs, rhs = operation.inputs
    numbers = stablehlo.DotDimensionNumbers(operation.node.attributes["dot_dimension_numbers"])
    left_batch, right_batch = (
        list(numbers.lhs_batching_dimensions),
        list(numbers.rhs_batching_dimensions),
    )
    left_sum, right_sum = (
        list(numbers.lhs_contracting_dimensions),
        list(numbers.rhs_contracting_dimensions),
    )
    left_shape, right_shape = extents(lhs), extents(rhs)
    left_free = [d for d in range(len(left_shape)) if d not in left_batch + left_sum]
    right_free = [d for d in range(len(right_shape)) if d not in right_batch + right_sum]
    inner = prod(left_shape[d] for d in left_sum)
    batch = [left_shape[d] for d in left_batch]
    rows, columns = [left_shape[d] for d in left_free], [right_shape[d] for d in right_free]
    # Without a batch, a matrix on the right serves rows of any rank.
    rows_flat = [prod(rows)] if batch else rows
    left = operation.arranged(lhs, left_batch + left_free + left_sum, [*batch, *rows_flat, inner])
    right = operation.arranged(
        rhs, right_batch + right_sum + right_free, [*batch, inner, prod(columns)]
    )
    product = layer(operation, relax.op.matmul(left, right))
    return operation.arranged(product, None, [*batch, *rows, *columns])


def layer(operation: Operation, value: relax.Expr) -> relax.Expr:
    """Return a product's variable, named after the scopes around it, which are noted."""
    own = operation.name.partition(".")[2]
    scope = scope_of(operation.location)
    found = operation.builder.emit(value, identifier(source_name(module=scope, node=own)))
    operation.scopes[found.name] = scope
    return found


def scope_of(location: str) -> str:
    """Return the named scopes around a product, "" if there are none.

    Those that JAX puts around the body of a loop are left out.

    Examples
    --------
    >>> scope_of('loc("jit(f)/encoder/fc1/dot_general"("model.py":3:0))')
    'encoder/fc1'
    >>> scope_of('loc("jit(f)/while/body/closed_call/cell/conv_general_dilated"("model.py":3:0))')
    'cell'
    >>> scope_of("loc(unknown)")
    ''
    """
    found = re.match(r'loc\("([^"]*)/(?:dot_general|conv_general_dilated)"', location)
    if found is None:
        return ""
    plain = re.sub("(?:^|/)while/body(?:/closed_call)?(?=/|$)", "", found[1])
    return "/".join(part for part in plain.split("/") if part and "(" not in part)


CONVERTERS: dict[str, Conversion] = {"stablehlo.dot_general": dot_general}
