"""Indices: several at once, masks, and copies, sums and fills at places along one axis."""

from __future__ import annotations

from typing import Any

from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import constant, dtype_of, extents
from eie_backend.frontend.pytorch_converters._node import arguments, emit


def index(node: Any, importer: Any) -> relax.Var:
    """Emit what several indices read together, which broadcast; others are left to TVM."""
    given = arguments(node, importer)
    data, indices = given["self"], given["indices"]
    axes = [axis for axis, one in enumerate(indices) if one is not None]
    taken = [indices[axis] for axis in axes]
    if len(axes) < 2 or any(dtype_of(one) == "bool" for one in taken):
        found: relax.Var = importer._index_tensor(node)
        return found
    rest = [axis for axis in range(len(extents(data))) if axis not in axes]
    first = emit(importer, relax.op.permute_dims(data, axes + rest))
    values = emit(importer, relax.op.index_tensor(first, taken))
    together = axes == [*range(axes[0], axes[0] + len(axes))]
    if not together or axes[0] == 0:
        return values
    # Between the axes that are read whole: what the indices broadcast to stands in their place.
    rank, before = max(len(extents(one)) for one in taken), axes[0]
    order = [
        *range(rank, rank + before),
        *range(rank),
        *range(rank + before, rank + len(rest)),
    ]
    return emit(importer, relax.op.permute_dims(values, order))


def index_put(node: Any, importer: Any) -> relax.Var:
    """Emit a tensor with values where a mask is true; other indices are left to TVM.

    The values may not differ from one masked place to the next, which nobody has counted.
    """
    given = arguments(node, importer)
    data, values, indices = given["self"], given["values"], given["indices"]
    masks = [axis for axis, one in enumerate(indices) if one is not None]
    if len(masks) != 1 or dtype_of(indices[masks[0]]) != "bool" or given["accumulate"]:
        found: relax.Var = importer._index_put(node)
        return found
    (axis,), mask = masks, indices[masks[0]]
    rank, covered = len(extents(data)), len(extents(mask))
    behind = rank - axis - covered
    shape = extents(values)
    lead = [1] * max(0, axis + 1 + behind - len(shape)) + shape
    if lead[axis] != 1:
        raise ModelError(
            f"node {node.name!r} (index_put): values of shape {shape} differ among masked places; "
            "use torch.where"
        )
    spread = [*lead[:axis], *[1] * covered, *lead[axis + 1 :]]
    along = [1] * axis + extents(mask) + [1] * behind
    where = emit(importer, relax.op.reshape(mask, along))
    return emit(importer, relax.op.where(where, relax.op.reshape(values, spread), data))


def _place(importer: Any, given: dict[str, Any], values: relax.Expr, how: str) -> relax.Var:
    """Emit `self` with values at places along `dim`."""
    data, at = given["self"], given["index"]
    rank = len(extents(data))
    axis = int(given["dim"]) % rank
    along = [1] * rank
    along[axis] = -1
    places = relax.op.broadcast_to(relax.op.reshape(at, along), extents(values))
    return emit(
        importer, relax.op.scatter_elements(data, emit(importer, places), values, axis, how)
    )


def index_copy(node: Any, importer: Any) -> relax.Var:
    """Emit a tensor with slices of another one in place of some of its own."""
    given = arguments(node, importer)
    return _place(importer, given, given["source"], "update")


def index_add(node: Any, importer: Any) -> relax.Var:
    """Emit a tensor with slices of another one added to some of its own."""
    given = arguments(node, importer)
    source = given["source"]
    if given["alpha"] != 1:
        source = emit(
            importer, relax.op.multiply(source, constant(given["alpha"], dtype_of(source)))
        )
    return _place(importer, given, source, "add")


def index_fill(node: Any, importer: Any) -> relax.Var:
    """Emit a tensor with one value in some of its slices."""
    given = arguments(node, importer)
    shape = extents(given["self"])
    shape[int(given["dim"]) % len(shape)] = extents(given["index"])[0]
    value = constant(given["value"], dtype_of(given["self"]))
    return _place(importer, given, emit(importer, relax.op.broadcast_to(value, shape)), "update")


CONVERTERS = {
    "index.Tensor": index,
    "index_add.default": index_add,
    "index_copy.default": index_copy,
    "index_fill.int_Scalar": index_fill,
    "index_put.default": index_put,
}
