"""`from_onnx`: an ONNX model as a Relax module whose layers keep their ONNX names."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr
from io import StringIO
from keyword import iskeyword
from os import PathLike, fspath

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, TensorShapeProto, numpy_helper
from tvm import IRModule
from tvm.ir.expr import GenericConst
from tvm.relax.frontend.onnx import from_onnx as tvm_from_onnx

from eie_backend.errors import ModelError
from eie_backend.transform.layers import layer_bindings
from eie_backend.transform.normalize import Normalize, rename_layers

MAX_EXTENT = 2**31 - 1
"""Largest dimension that a user can bind."""

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
        Normalised Relax with constant weights; dense layers and convolutions are named
        after their ONNX nodes.

    Raises
    ------
    ModelError
        If the model cannot be read or imported, or a dimension stays dynamic.
    """
    proto, label = _read(model)
    _bind_dimensions(proto, dict(bind or {}), label)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()):
            # What the importer says beside its error is in the error.
            warnings.simplefilter("ignore")
            imported = tvm_from_onnx(proto, keep_params_in_input=False)
    except Exception as error:
        # The importer raises many types; its own message says which operator it does not know.
        raise ModelError(f"{label}: TVM's ONNX importer fails: {_first_line(error)}") from error
    normal = Normalize()(imported)
    named = rename_layers(normal, _layer_names(proto, normal))
    digest = hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()
    return named.with_attr("eie.model_sha256", digest)


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
    except onnx.checker.ValidationError as error:
        raise ModelError(
            f"{label}: its external data cannot be read: {_first_line(error)}; keep the data files "
            "beside the model"
        ) from error
    except (DecodeError, ValueError) as error:
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
    if faults := [f"{key}={size}" for key, size in bind.items() if not _is_extent(size)]:
        raise ModelError(
            f"{label}: bind {', '.join(faults)}: a dimension is an integer in 1..{MAX_EXTENT}"
        )
    if faults := [v.name for v in inputs if not v.type.tensor_type.HasField("shape")]:
        raise ModelError(f"{label}: no shape for inputs {', '.join(faults)}; export it with them")
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
    if unknown := sorted(bind.keys() - known):
        raise ModelError(
            f"{label}: bind {', '.join(unknown)}: no such dynamic dimension; the model has "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    if open_dims:
        places = "; ".join(f"{name!r} ({', '.join(at)})" for name, at in open_dims.items())
        flags = " ".join(f"--bind {name}=1" for name in open_dims)
        raise ModelError(
            f"{label}: the machine needs static shapes, but these dimensions are dynamic: "
            f"{places}; bind them, for example {flags} (Python: "
            f"bind={dict.fromkeys(open_dims, 1)})"
        )
    # Shapes inside the graph follow from the inputs; old ones may still name the dimensions.
    del proto.graph.value_info[:]
    for value in proto.graph.output:
        _bind_shape(value.type.tensor_type.shape, bind)


def _is_extent(size: object) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and 1 <= size <= MAX_EXTENT


def _first_line(error: Exception) -> str:
    return next(filter(None, map(str.strip, str(error).splitlines())), repr(error))


def _bind_shape(shape: TensorShapeProto, bind: dict[str, int]) -> None:
    for dim in shape.dim:
        if dim.dim_param in bind:
            dim.dim_value = bind[dim.dim_param]


def _layer_names(proto: ModelProto, mod: IRModule) -> dict[str, str]:
    """Return the ONNX node's name for each matmul and convolution variable of `mod`.

    The importer keeps no names. Layers with weights are recognised by them, the others by their
    order, if there are as many as such nodes.
    """
    matrices = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in proto.graph.initializer
        if len(tensor.dims) >= 2 and tensor.data_type != TensorProto.STRING
    }
    by_weights: dict[str, list[str]] = {}
    weightless: list[str] = []
    for node in proto.graph.node:
        name = _identifier(node.name or node.output[0])
        if node.input[1:2] and node.input[1] in matrices:
            weights = matrices[node.input[1]]
            for key in {_digest(weights), _digest(weights.T)}:
                by_weights.setdefault(key, []).append(name)
        elif node.op_type in ("Gemm", "MatMul", "Conv", "ConvTranspose"):
            weightless.append(name)
    names: dict[str, str] = {}
    unnamed: list[str] = []
    for binding, _ in layer_bindings(mod):
        weights = binding.value.args[1]
        if not isinstance(weights, GenericConst):
            unnamed.append(binding.var.name)
        elif by_weights.get(key := _digest(weights.value.numpy())):
            names[binding.var.name] = by_weights[key].pop(0)
    if len(unnamed) == len(weightless):
        names |= dict(zip(unnamed, weightless, strict=True))
    return names


def _identifier(name: str) -> str:
    """Return a node's name as a variable's name that TVMScript can parse."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    return plain if plain.isidentifier() and not iskeyword(plain) else f"layer_{plain}"


def _digest(weights: NDArray[np.generic]) -> str:
    data = np.ascontiguousarray(weights)
    return hashlib.sha256(data.tobytes() + str(data.shape).encode()).hexdigest()
