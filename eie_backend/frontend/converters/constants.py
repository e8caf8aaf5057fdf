"""Constant, Dropout, Shape and EyeLike: what a model knows before it runs."""

from __future__ import annotations

import numpy as np
from onnx import numpy_helper
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import Node, constant, dtype_of, extents, numpy_dtype, sized

PLAIN = {
    "value_float": "float32",
    "value_floats": "float32",
    "value_int": "int64",
    "value_ints": "int64",
}


def constant_of(node: Node) -> relax.Expr:
    """Return the value that one of the attributes holds."""
    for name, kind in PLAIN.items():
        if name in node.attributes:
            return constant(node.attributes[name], kind)
    if "value" not in node.attributes:
        found = ", ".join(sorted({*node.attributes} - {"tvm_custom"}))
        raise ModelError(f"its value is {found or 'missing'}; make it a tensor of numbers")
    values = numpy_helper.to_array(node.attributes["value"])
    if values.dtype.kind not in "biuf":
        raise ModelError(f"its value is of {values.dtype}; make it a tensor of numbers")
    return relax.const(values, str(values.dtype))


def dropout(node: Node) -> relax.Expr | tuple[relax.Expr, ...]:
    """Return the input as it is, and a mask that keeps all of it."""
    x = node.inputs[0]
    training = node.constant(2, "training_mode")
    ratio = node.constant(1, "ratio") if training is not None and training.any() else None
    if training is not None and training.any() and (ratio is None or ratio.any()):
        raise ModelError("it is in training mode, where its result is random; export for inference")
    if node.results == 1:
        return x
    return x, relax.op.ones(extents(x), "bool" if node.opset >= 10 else dtype_of(x))


def eye_like(node: Node) -> relax.Expr:
    """Return a matrix with ones on a diagonal."""
    x = node.inputs[0]
    shape = sized(extents(x))
    kind = numpy_dtype(int(node.attributes["dtype"])) if "dtype" in node.attributes else dtype_of(x)
    if len(shape) != 2:
        raise ModelError(f"its input has shape {shape}; it must be a matrix")
    diagonal = int(np.clip(node.number("k", 0), -shape[0], shape[1]))
    return relax.op.eye(*shape, diagonal, kind)


CONVERTERS = {"Constant": constant_of, "Dropout": dropout, "EyeLike": eye_like}
