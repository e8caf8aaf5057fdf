"""`bind_values`: inputs of an ONNX graph become constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import ModelProto, ValueInfoProto, numpy_helper
from onnx.helper import tensor_dtype_to_np_dtype

from eie_backend.errors import ModelError
from eie_backend.frontend.graph.inference import FREE_CONSTANTS

Values = Mapping[str, ArrayLike]
"""By input."""


def bind_values(proto: ModelProto, given: Values, label: str) -> None:
    """Replace inputs by constants, in place.

    Before -> after, with ``sr=16000``::

        inputs x, sr; If(Equal(sr, 16000), ...)  ->  input x, initializer sr; If(Equal(sr, ...))

    1. A value has the input's shape, where that is known; one number fills a shape of ones.
    2. It is converted to the input's dtype if that keeps it: no fraction or sign is lost, and
       nothing overflows. Floats are rounded.
    3. An initializer that is an input as well, a default, is replaced.

    Raises
    ------
    ModelError
        With all names that are no inputs, and all values that do not fit.
    """
    inputs = {value.name: value for value in proto.graph.input}
    tensors, faults = {}, []
    for name, value in given.items():
        if name not in inputs:
            known = ", ".join(inputs) or "none"
            faults.append(f"{name}: no such input; the model has {known}")
            continue
        try:
            tensors[name] = numpy_helper.from_array(_fitting(value, inputs[name]), name)
        except ValueError as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise ModelError(f"{label}: bind value {'; '.join(faults)}; correct it")
    rest = [value for value in proto.graph.input if value.name not in tensors]
    defaults = [one for one in proto.graph.initializer if one.name not in tensors]
    copy = ModelProto()
    copy.graph.input.extend(rest)
    copy.graph.initializer.extend([*defaults, *tensors.values()])
    proto.graph.ClearField("input")
    proto.graph.ClearField("initializer")
    proto.graph.MergeFrom(copy.graph)
    proto.ir_version = max(proto.ir_version, FREE_CONSTANTS)


def _fitting(value: ArrayLike, of: ValueInfoProto) -> NDArray[Any]:
    """Return a value as an array of an input's dtype and shape, or raise `ValueError`."""
    kind = of.type.tensor_type
    found = np.asarray(value)
    wanted = tensor_dtype_to_np_dtype(kind.elem_type) if kind.elem_type else None
    if wanted is None or found.dtype.kind not in "biuf" or wanted.kind not in "biufV":
        raise ValueError(f"{found.dtype} for {wanted}: give numbers, true or false")
    extents = [dim.dim_value if dim.dim_value > 0 else None for dim in kind.shape.dim]
    if found.ndim == 0 and all(extent in (1, None) for extent in extents):
        found = found.reshape([1] * len(extents))
    if kind.HasField("shape") and (
        found.ndim != len(extents)
        or any(
            want is not None and want != has for has, want in zip(found.shape, extents, strict=True)
        )
    ):
        said = ", ".join("?" if one is None else str(one) for one in extents)
        raise ValueError(f"a value of shape {found.shape}, the input has ({said})")
    with np.errstate(all="ignore"):
        converted = found.astype(wanted)
    is_float = wanted.kind in "fV"
    if not is_float and not np.array_equal(converted, found):
        raise ValueError(f"{found.reshape(-1)[:3].tolist()} is no {wanted}")
    return converted
