"""An ONNX model as sections: the graph without initializer values, then each initializer.

The values of an initializer in ``raw_data`` or ``float_data`` become a section: coded if that is
smaller, otherwise raw or compressed by zlib. The rest of the model stays in the graph.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from math import prod
from typing import Literal

import numpy as np
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto
from onnx.external_data_helper import uses_external_data

from eie_backend.errors import ContainerError
from eie_backend.names.onnx_graph import text_of
from eie_backend.names.onnx_tensors import named_tensors
from eie_backend.recipe import Recipe
from eie_backend.storage.coded_tensor import (
    CodedTensor,
    code_tensor,
    from_bytes,
    inflate,
    to_bytes,
)
from eie_backend.storage.sections import TENSOR, Section

GRAPH_KIND, TENSOR_KIND = "GRPH", "TENS"

RAW, ZLIB, CODED = range(3)
"""Encodings of a section's content; CODED is for tensors only."""

FIELDS = ("raw_data", "float_data")
"""TensorProto fields that values are taken from, by number."""

SIZE = struct.Struct("<Q")
"""Prefix of zlib data: their inflated size in bytes."""

MAX_MODEL_BYTES = (1 << 31) - 1
"""Size limit of protocol buffers, which also bounds a reader's memory."""


def to_sections(model: ModelProto, recipe: Recipe) -> list[Section]:
    """Return the sections of a model; relative indices have the widths of `recipe`.

    It has the layers' own names (`Recipe.for_layers`).

    Raises
    ------
    ContainerError
        If the model is too large, or has values in other files.
    """
    if outside := [t.name for t in model.graph.initializer if uses_external_data(t)]:
        raise ContainerError(
            f"{', '.join(outside)}: the values are in other files; read the model with onnx.load"
        )
    if (size := model.ByteSize()) > MAX_MODEL_BYTES:
        raise ContainerError(f"the model has {size} bytes; at most {MAX_MODEL_BYTES} can be stored")
    names, graph, tensors = named_tensors(model.graph), ModelProto(), []
    graph.CopyFrom(model)
    for number, tensor in enumerate(graph.graph.initializer):
        if (field := _field_of_values(tensor)) is not None:
            values = _take_values(tensor, FIELDS[field])
            width = recipe.index_bits_of(*names[text_of(tensor.name)].names)
            encoding, content = _smallest(values, _coded(tensor, values, width))
            payload = TENSOR.pack(number, field, encoding) + content
            tensors.append(Section(TENSOR_KIND, payload))
    encoding, content = _smallest(graph.SerializeToString(deterministic=True))
    return [Section(GRAPH_KIND, bytes([encoding]) + content), *tensors]


def from_sections(sections: Sequence[Section]) -> tuple[ModelProto, dict[str, CodedTensor]]:
    """Return the model in untrusted sections, and its coded initializers by name.

    Raises
    ------
    ContainerError
        If the sections are not a model.
    """
    if not sections or sections[0].kind != GRAPH_KIND:
        raise ContainerError(f"the section {GRAPH_KIND} is missing")
    room = MAX_MODEL_BYTES
    try:
        graph = _plain(sections[0].payload, room)
        model = ModelProto.FromString(graph)
    except DecodeError as error:
        raise ContainerError("the graph's section holds no model") from error
    if outside := [t.name for t in model.graph.initializer if uses_external_data(t)]:
        raise ContainerError(f"{', '.join(outside)}: the values are said to be in other files")
    initializers, coded, last = model.graph.initializer, {}, -1
    room -= len(graph)
    for section in sections[1:]:
        if section.kind != TENSOR_KIND or len(section.payload) < TENSOR.size:
            raise ContainerError(f"byte {section.at}: a section {section.kind!r} is not a tensor")
        number, field, encoding = TENSOR.unpack_from(section.payload)
        if not last < number < len(initializers) or field >= len(FIELDS):
            raise ContainerError(
                f"byte {section.at}: initializer {number}, field {field}; the model has "
                f"{len(initializers)} in ascending order, with {len(FIELDS)} fields"
            )
        last, tensor = number, initializers[number]
        try:
            content = section.payload[TENSOR.size :]
            if encoding == CODED:
                coded[tensor.name] = from_bytes(content, _shape(tensor, room))
                values = coded[tensor.name].weights().astype("<f4").tobytes()
            else:
                values = _plain(bytes([encoding]) + content, room)
            _put_values(tensor, FIELDS[field], values)
        except ContainerError as error:
            raise ContainerError(f"byte {section.at}: {tensor.name}: {error}") from error
        room -= len(values)
    return model, coded


def _field_of_values(tensor: TensorProto) -> int | None:
    """Return the index in `FIELDS` of the field that holds a tensor's values, or None."""
    if tensor.raw_data:
        return 0
    # Conversion to Python floats may change the bits of a NaN.
    return 1 if tensor.float_data and not np.isnan(tensor.float_data).any() else None


def _take_values(tensor: TensorProto, field: str) -> bytes:
    """Remove a tensor's values and return them as bytes."""
    found = getattr(tensor, field)
    values = found if isinstance(found, bytes) else np.array(found, "<f4").tobytes()
    tensor.ClearField(field)
    return values


def _coded(tensor: TensorProto, values: bytes, width: int | Literal["auto"]) -> bytes | None:
    """Return the coded values, or None if they are not a layer's, too many or not float32."""
    shape = tuple(tensor.dims)
    is_layer = tensor.data_type == TensorProto.FLOAT and len(shape) > 1  # excludes biases
    if not is_layer or 4 * prod(shape) != len(values):
        return None
    coded = code_tensor(np.frombuffer(values, "<f4").reshape(shape), width)
    return None if coded is None else to_bytes(coded)


def _put_values(tensor: TensorProto, field: str, values: bytes) -> None:
    if field == "raw_data":
        tensor.raw_data = values
    elif len(values) % 4:
        raise ContainerError(f"{len(values)} bytes of values are no float32")
    else:
        tensor.float_data.extend(np.frombuffer(values, "<f4").tolist())


def _smallest(plain: bytes, coded: bytes | None = None) -> tuple[int, bytes]:
    """Return the encoding with the fewest bytes, and its content; zlib only if not coded."""
    if coded is not None and len(coded) < len(plain):
        return CODED, coded
    deflated = SIZE.pack(len(plain)) + zlib.compress(plain, 9)
    return (ZLIB, deflated) if len(deflated) < len(plain) else (RAW, plain)


def _plain(payload: bytes, room: int) -> bytes:
    """Return a payload's content after the encoding byte, inflated to at most `room` bytes."""
    encoding, content = payload[:1], payload[1:]
    if encoding == bytes([RAW]):
        return content
    if encoding != bytes([ZLIB]) or len(content) < SIZE.size:
        raise ContainerError(f"encoding {encoding.hex()!r} of {len(content)} bytes is unknown")
    (size,) = SIZE.unpack_from(content)
    _check_room(size, room)
    return inflate(content[SIZE.size :], size)


def _shape(tensor: TensorProto, room: int) -> tuple[int, ...]:
    """Return the checked shape of a coded tensor of an untrusted graph."""
    shape = tuple(tensor.dims)
    if tensor.data_type != TensorProto.FLOAT or min(shape, default=0) < 0:
        raise ContainerError(f"type {tensor.data_type}, shape {shape}: float32 is coded")
    _check_room(4 * prod(shape), room)
    return shape


def _check_room(size: int, room: int) -> None:
    if size > room:
        raise ContainerError(f"{size} bytes are declared; a model has {room} left of 2 GiB")
