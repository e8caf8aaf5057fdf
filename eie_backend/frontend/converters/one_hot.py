"""OneHot: indices count from the end, too, and those outside are nowhere."""

from __future__ import annotations

import numpy as np
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import Node, constant, dtype_of, extents, is_float, sized


def one_hot(node: Node) -> relax.Expr:
    """Return `on` where a new axis counts an index, `off` elsewhere."""
    index, shape = node.inputs[0], extents(node.inputs[0])
    given = node.constant(1, "depth")
    depth = int(np.asarray(given).reshape(-1)[0])
    axis = node.axis(-1, len(shape) + 1)
    sized([*shape[:axis], depth, *shape[axis:]])
    kind = dtype_of(index) if is_float(index) else "int64"
    index = relax.op.astype(index, kind)
    size, zero = constant(depth, kind), constant(0, kind)
    counted = relax.op.where(relax.op.less(index, zero), relax.op.add(index, size), index)
    if is_float(node.inputs[0]):
        counted = relax.op.trunc(counted)
    along = [1] * (len(shape) + 1)
    along[axis] = depth
    places = constant(np.arange(depth).reshape(along), kind)
    values = node.inputs[2]
    if extents(values) != [2]:
        raise ModelError(f"its values have shape {extents(values)}, they must be off and on")
    off, on = (relax.op.take(values, constant(at, "int64"), 0, mode="clip") for at in (0, 1))
    return relax.op.where(relax.op.equal(relax.op.expand_dims(counted, axis), places), on, off)


CONVERTERS = {"OneHot": one_hot}
