"""`from_onnx`: an ONNX model as a Relax module whose layers keep their ONNX names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import ModelProto, TensorShapeProto, numpy_helper
from tvm import IRModule
from tvm.relax.frontend.onnx import from_onnx as tvm_from_onnx

from eie_backend.errors import ModelError
from eie_backend.transform.layers import constant_weights, matmuls
from eie_backend.transform.normalize import Normalize, rename_layers

Model = str | PathLike[str] | bytes | ModelProto


def from_onnx(model: Model, bind: Mapping[str, int] | None = None) -> IRModule:
    """Import an ONNX model.

    Parameters
    ----------
    model : path, bytes or ModelProto
        The model, float32, with its weights as initializers.
    bind : mapping of str to int, optional
        Values of dynamic dimensions, by the name that the model gives them, or by ``input.axis``
        for a dimension without one.

    Returns
    -------
    IRModule
        Normalised Relax with constant weights; a dense layer is named after its ONNX node.

    Raises
    ------
    ModelError
        If the model cannot be read or imported, or a dimension stays dynamic.
    """
    proto, label = _read(model)
    _bind_dimensions(proto, dict(bind or {}), label)
    names = _layer_names(proto)
    try:
        imported = tvm_from_onnx(proto, keep_params_in_input=False)
    except Exception as error:
        # The importer raises many types; its own message says which operator it does not know.
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else repr(error)
        raise ModelError(f"{label}: TVM's ONNX importer fails: {reason}") from error
    normal = Normalize()(imported)
    found = {
        binding.var.name: names[key]
        for binding, _ in matmuls(normal)
        if (weights := constant_weights(binding.value)) is not None
        and (key := _digest(weights)) in names
    }
    digest = hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()
    return rename_layers(normal, found).with_attr("eie.model_sha256", digest)


def _read(model: Model) -> tuple[ModelProto, str]:
    if isinstance(model, ModelProto):
        copy = ModelProto()
        copy.CopyFrom(model)
        return copy, "model"
    label = "model" if isinstance(model, bytes) else fspath(model)
    try:
        if isinstance(model, bytes):
            proto = onnx.load_model_from_string(model)
        else:
            proto = onnx.load(label)
    except FileNotFoundError as error:
        missing = error.filename or label
        raise ModelError(f"{missing}: no such file; give the path of an ONNX model") from error
    except OSError as error:
        raise ModelError(f"{label}: cannot be read: {error.strerror}") from error
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        raise ModelError(
            f"{label}: not an ONNX model, or a truncated one; export it again"
        ) from error
    if not proto.ir_version or not proto.graph.node:
        raise ModelError(f"{label}: not an ONNX model: it has no graph; export it again")
    return proto, label


def _bind_dimensions(proto: ModelProto, bind: dict[str, int], label: str) -> None:
    """Replace dynamic dimensions by their values, in place."""
    constants = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in constants]
    open_dims: dict[str, list[str]] = {}
    known: set[str] = set()
    for value in inputs:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.WhichOneof("value") == "dim_value":
                continue
            name = dim.dim_param or f"{value.name}.{axis}"
            known.add(name)
            if name in bind:
                dim.dim_value = bind[name]
            else:
                open_dims.setdefault(name, []).append(f"{value.name}, axis {axis}")
    if faults := [f"{key}={size}" for key, size in bind.items() if size < 1]:
        raise ModelError(f"{label}: bind {', '.join(faults)}: a dimension must be at least 1")
    if unknown := sorted(bind.keys() - known):
        raise ModelError(
            f"{label}: bind {', '.join(unknown)}: no such dynamic dimension; the model has "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    if open_dims:
        places = "; ".join(f"{name!r} ({', '.join(at)})" for name, at in open_dims.items())
        flags = " ".join(f"--bind {name}=1" for name in open_dims)
        raise ModelError(
            f"{label}: the machine needs static shapes, but these dimensions are dynamic: {places}; "
            f"bind them, for example {flags} (Python: bind={dict.fromkeys(open_dims, 1)})"
        )
    # Shapes inside the graph follow from the inputs; old ones may still name the dimensions.
    del proto.graph.value_info[:]
    for value in proto.graph.output:
        _bind_shape(value.type.tensor_type.shape, bind)


def _bind_shape(shape: TensorShapeProto, bind: dict[str, int]) -> None:
    for dim in shape.dim:
        if dim.dim_param in bind:
            dim.dim_value = bind[dim.dim_param]


def _layer_names(proto: ModelProto) -> dict[str, str]:
    """Return the name of each node with a matrix initializer, by the digest of that matrix."""
    matrices = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in proto.graph.initializer
        if len(tensor.dims) == 2
    }
    names = {}
    for node in proto.graph.node:
        for weights in (matrices[i] for i in node.input[1:2] if i in matrices):
            name = re.sub(r"\W+", "_", node.name or node.output[0]).strip("_")
            names[_digest(weights)] = names[_digest(weights.T)] = name or "layer"
    return names


def _digest(weights: NDArray[np.generic]) -> str:
    data = np.ascontiguousarray(weights)
    return hashlib.sha256(data.tobytes() + str(data.shape).encode()).hexdigest()
