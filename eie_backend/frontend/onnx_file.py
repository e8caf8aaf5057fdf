"""Read an ONNX model without its large weights: these are read from their file when needed.

Protocol buffers hold a file's bytes several times while they parse it. So the weights in the file
are skipped by their lengths, and only the rest is parsed. Nothing is mapped into memory: where a
file is cut short that is mapped, the next look at it ends the process.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto
from onnx.external_data_helper import (
    _get_all_tensors,
    load_external_data_for_model,
    uses_external_data,
)
from onnx.helper import get_all_tensor_dtypes, tensor_dtype_to_np_dtype

BLOCK_BYTES = 1 << 16
SHORTER = "it was cut short while it was read"

LARGE_BYTES = 1 << 20
"""Matrices of at least this size stay in their file."""

GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9
"""Field numbers in ModelProto, GraphProto and TensorProto (``onnx.proto``)."""

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
"""Wire types of protocol buffers."""


STORED: Mapping[int, int] = {TensorProto.FLOAT: 4, TensorProto.FLOAT16: 2, TensorProto.BFLOAT16: 2}
"""Types of large weights, and the bytes of a value."""


@dataclass(frozen=True, eq=False)
class LargeWeights:
    """An initializer of rank 2 or more that is not in the parsed model.

    `load` returns its values as float32, read from the file, or raises `OSError` if it has become
    shorter; `stored` is the type that they have in it.
    """

    name: str
    stored: int
    shape: tuple[int, ...]
    load: Callable[[], NDArray[np.float32]]


def read_model(source: Path | bytes) -> tuple[ModelProto, list[LargeWeights]]:
    """Return the model in a file or in bytes, and the initializers that were left out of it.

    Raises
    ------
    OSError, DecodeError, onnx.checker.ValidationError
        If the file, the model or its external data cannot be read.
    """
    large: list[LargeWeights] = []
    kept: list[TensorProto] = []
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        data = _Bytes(file)
        rest, places = _without_raw_data(data)
        proto = ModelProto.FromString(rest)
        for tensor, place in zip(proto.graph.initializer, places, strict=True):
            shape = tuple(tensor.dims)
            kind = tensor.data_type
            is_matrix = kind in STORED and len(shape) > 1 and min(shape) > 0
            size = STORED[kind] * prod(shape) if is_matrix else 0
            if place is not None and place[1] - place[0] == size:
                found = _loader(source, place[0], kind, shape)
                large.append(LargeWeights(tensor.name, kind, shape, found))
            elif place is not None:
                tensor.raw_data = data.slice(*place)
                kept.append(tensor)
            elif isinstance(source, Path) and uses_external_data(tensor) and size >= LARGE_BYTES:
                found = _loader(*_external(tensor, source.parent), kind, shape)
                large.append(LargeWeights(tensor.name, kind, shape, found))
            else:
                kept.append(tensor)
    rest_of_graph = GraphProto()
    rest_of_graph.initializer.extend(kept)
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(rest_of_graph.initializer)
    load_external_data(proto, source.parent if isinstance(source, Path) else None)
    for tensor in proto.graph.initializer:
        if not uses_external_data(tensor):
            tensor.ClearField("data_location")
    return proto, large


class _Bytes:
    """The bytes of a file, read where they are asked for, a block at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)
        self._at, self._block = 0, b""

    def byte(self, at: int) -> int:
        """Return a byte."""
        if not self._at <= at < self._at + len(self._block):
            self._at, self._block = at, self.slice(at, min(at + BLOCK_BYTES, self.size))
        return self._block[at - self._at]

    def slice(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to `stop`."""
        self._file.seek(start)
        found = self._file.read(stop - start)
        if len(found) != stop - start:
            raise OSError(errno.EIO, SHORTER)
        return found


def _loader(
    source: Path | bytes, at: int, kind: int, shape: tuple[int, ...]
) -> Callable[[], NDArray[np.float32]]:
    dtype = "<f4" if kind == TensorProto.FLOAT else "<u2"

    def load() -> NDArray[np.float32]:
        if isinstance(source, Path):
            values = _read_values(source, at, dtype, shape)
        else:
            values = np.frombuffer(source, dtype, prod(shape), at).reshape(shape)
        if kind == TensorProto.BFLOAT16:  # the upper half of a float32
            return (values.astype("<u4") << 16).view("<f4")
        return values if kind == TensorProto.FLOAT else values.view("<f2").astype("<f4")

    return load


def _read_values(path: Path, at: int, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    with path.open("rb") as file:
        file.seek(at)
        values = np.fromfile(file, dtype, prod(shape))
    if values.size != prod(shape):
        raise OSError(errno.EIO, SHORTER)
    return values.reshape(shape)


def load_external_data(proto: ModelProto, folder: Path | None) -> None:
    """Take values that are in other files into a model; without a folder there may be none.

    Raises
    ------
    onnx.checker.ValidationError
        If values are not in a file in the folder, or not all of them.
    """
    for tensor in _get_all_tensors(proto):
        if uses_external_data(tensor):
            if folder is None:
                raise onnx.checker.ValidationError(
                    f"{tensor.name}: its values are in another file, but the model is in none"
                )
            _require_whole(tensor, *_place(tensor, folder))
    if folder is not None:
        load_external_data_for_model(proto, str(folder))


def _require_whole(tensor: TensorProto, source: Path, at: int, length: int | None) -> None:
    """Demand that the file has a tensor's bytes."""
    if tensor.data_type not in get_all_tensor_dtypes():
        raise onnx.checker.ValidationError(
            f"{tensor.name}: its values are of type {tensor.data_type}, which ONNX does not have"
        )
    dtype = tensor_dtype_to_np_dtype(tensor.data_type)
    whole = source.stat().st_size
    there = max(whole - at, 0)
    asked = there if length is None else length
    needed = dtype.itemsize * prod(tensor.dims) if dtype.kind in "biuf" else asked
    if asked > there or asked != needed:
        raise onnx.checker.ValidationError(
            f"{tensor.name}: {needed} bytes are needed, {asked} asked for, and {source.name} has "
            f"{there} from {at} on"
        )


def _external(tensor: TensorProto, folder: Path) -> tuple[Path, int]:
    """Return the file and the position of a tensor's external data."""
    size = STORED[tensor.data_type] * prod(tensor.dims)
    source, at, length = _place(tensor, folder)
    if at + size > source.stat().st_size or length not in (None, size):
        raise onnx.checker.ValidationError(
            f"{tensor.name}: {source.name} does not hold {size} bytes at {at}"
        )
    return source, at


def _place(tensor: TensorProto, folder: Path) -> tuple[Path, int, int | None]:
    """Return the file, the position and, if it is said, the length of a tensor's external data."""
    info = {entry.key: entry.value for entry in tensor.external_data}
    location = info.get("location", "")
    source = folder / location
    if "\0" in location or not _is_inside(source, folder):
        raise onnx.checker.ValidationError(
            f"{tensor.name}: {location} is not a file in the model's folder"
        )
    numbers = [info.get("offset", "0"), info.get("length", "0")]
    if not all(number.isascii() and number.isdecimal() and len(number) < 20 for number in numbers):
        raise onnx.checker.ValidationError(
            f"{tensor.name}: offset {numbers[0]!r}, length {numbers[1]!r}: no numbers of bytes"
        )
    at, length = map(int, numbers)
    return source, at, length if "length" in info else None


def _is_inside(source: Path, folder: Path) -> bool:
    """Return whether a path is a file below a folder, to which no link leads out and back."""
    try:
        inside = source.resolve().is_relative_to(folder.resolve())
        return inside and not source.is_symlink() and source.is_file()
    except OSError:  # such as a name that is too long
        return False


def _without_raw_data(model: _Bytes) -> tuple[bytes, list[tuple[int, int] | None]]:
    """Return a serialized model without large raw data, and where each initializer's was."""
    places: list[tuple[int, int] | None] = []

    def copied(start: int, stop: int, path: tuple[int, ...]) -> bytes:
        parts = []
        for number, wire, begin, value, end in _fields(model, start, stop):
            if path and number == path[0] and wire == LENGTH_DELIMITED:
                if number == INITIALIZER:
                    places.append(None)
                inner = copied(value, end, path[1:])
                parts += [_varint(number << 3 | wire), _varint(len(inner)), inner]
            elif not path and number == RAW_DATA and end - value >= LARGE_BYTES:
                places[-1] = value, end
            else:
                parts.append(model.slice(begin, end))
        return b"".join(parts)

    return copied(0, model.size, (GRAPH, INITIALIZER)), places


def _fields(data: _Bytes, at: int, stop: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield number, wire type, start, start of the value and end of each field of a message."""
    while at < stop:
        begin = at
        key, at = _read_varint(data, at, stop)
        wire, value = key & 7, at
        if wire == VARINT:
            _, at = _read_varint(data, at, stop)
        elif wire == LENGTH_DELIMITED:
            size, value = _read_varint(data, at, stop)
            at = value + size
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        else:
            raise DecodeError(f"wire type {wire} at byte {begin}")
        if at > stop:
            raise DecodeError(f"a field at byte {begin} ends after its message")
        yield key >> 3, wire, begin, value, at


def _read_varint(data: _Bytes, at: int, stop: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= stop:
            break
        byte = data.byte(at)
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
    raise DecodeError(f"no number ends at byte {at}")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
