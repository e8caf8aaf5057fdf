"""`from_onnx`: an ONNX model as a Relax module whose layers keep their ONNX names."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr
from io import StringIO
from os import PathLike, fspath

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorShapeProto
from tvm import IRModule

from eie_backend.errors import ModelError
from eie_backend.frontend.dimensions import check_bindings
from eie_backend.frontend.names import first_line
from eie_backend.frontend.onnx_importer import import_onnx
from eie_backend.transform.normalize import Normalize

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
        Normalised Relax with constant weights; a result is named after its ONNX node.

    Raises
    ------
    ModelError
        If the model cannot be read or imported, or a dimension stays dynamic.
    """
    proto, label = _read(model)
    _bind_dimensions(proto, dict(bind or {}), label)
    digest = hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()):
            # What the importer says beside its error is in the error.
            warnings.simplefilter("ignore")
            normal = Normalize()(import_onnx(proto))
    except Exception as error:
        # TVM raises many types; its own message says which operator it does not know.
        raise ModelError(f"{label}: TVM's ONNX importer fails: {first_line(error)}") from error
    return normal.with_attr("eie.model_sha256", digest)


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
            f"{label}: its external data cannot be read: {first_line(error)}; keep the data files "
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
    if faults := [v.name for v in inputs if not v.type.tensor_type.HasField("shape")]:
        raise ModelError(f"{label}: no shape for inputs {', '.join(faults)}; export it with them")
    dynamic: dict[str, list[str]] = {}
    dims: list[tuple[TensorShapeProto.Dimension, str]] = []
    for value in inputs:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.WhichOneof("value") != "dim_value":
                name = dim.dim_param or f"{value.name}.{axis}"
                dynamic.setdefault(name, []).append(f"{value.name}, axis {axis}")
                dims.append((dim, name))
    check_bindings(bind, dynamic, label)
    for dim, name in dims:
        dim.dim_value = bind[name]
    # Shapes inside the graph follow from the inputs; old ones may still name the dimensions.
    del proto.graph.value_info[:]
    for value in proto.graph.output:
        _bind_shape(value.type.tensor_type.shape, bind)


def _bind_shape(shape: TensorShapeProto, bind: dict[str, int]) -> None:
    for dim in shape.dim:
        if dim.dim_param in bind:
            dim.dim_value = bind[dim.dim_param]
