"""``relay.frontend``: a model and its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import ModelProto
from onnx.helper import make_tensor_type_proto
from tvm import IRModule
from tvm.runtime import Tensor

from eie_backend.errors import InputError
from eie_backend.frontend.onnx import from_onnx as import_onnx


def from_onnx(
    model: ModelProto, shape: Mapping[str, Sequence[int]] | None = None
) -> tuple[IRModule, dict[str, Tensor]]:
    """Import an ONNX model, as Relay's importer did.

    Parameters
    ----------
    model : onnx.ModelProto
        The model; it stays as it is.
    shape : mapping of str to sequence of int, optional
        Shapes of inputs, by name, in place of those in the model.

    Returns
    -------
    mod : IRModule
        A Relax module, as `eie_backend.from_onnx` returns it.
    params : dict of str to Tensor
        Empty, as with Relay's ``freeze_params=True``: weights are constants in the module.

    Raises
    ------
    InputError
        If `shape` has a name that is not an input.
    ModelError
        If the model cannot be imported, or a dimension stays dynamic.
    """
    proto = ModelProto()
    proto.CopyFrom(model)
    inputs = {value.name: value for value in proto.graph.input}
    if unknown := sorted((shape or {}).keys() - inputs.keys()):
        raise InputError(
            f"shape of {', '.join(unknown)}: the model has no such input; it has "
            f"{', '.join(inputs)}"
        )
    for name, extents in (shape or {}).items():
        dtype = inputs[name].type.tensor_type.elem_type
        inputs[name].type.CopyFrom(make_tensor_type_proto(dtype, extents))
    return import_onnx(proto), {}
