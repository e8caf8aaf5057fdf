"""Records of what the programs of an image have in common: machine, table sets, matrices, biases.

The layout is in ``docs/image.md``. A record is its length in bytes, the number of its fields, its
fields and its data. New fields are appended; a record without them means the machine before them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.errors import ImageError
from eie_backend.isa.image.byte_reader import ByteReader, flag
from eie_backend.machine.encoding import EncodedMatrix

MATRIX_FIELDS = ("rows", "cols", "has_bias_column", "pointer_bytes", "table_set")
VALUES_FIELDS = ("is_float",)


class Numbered:
    """Numbers records in the order in which they come; equal ones have one number."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def number(self, record: bytes) -> int:
        """Return the number of a record."""
        return self._numbers.setdefault(record, len(self._numbers))

    def content(self) -> bytes:
        """Return the section of all these records."""
        return b"".join(self._numbers)


def u32(*values: int) -> bytes:
    """Return numbers of 4 bytes each."""
    return struct.pack(f"<{len(values)}I", *values)


def block(data: bytes) -> bytes:
    """Return a length and that many bytes."""
    return u32(len(data)) + data


def record(fields: Sequence[int], *data: bytes) -> bytes:
    """Return a record."""
    return block(b"".join([u32(len(fields), *fields), *data]))


def encode_config(config: HardwareConfig) -> bytes:
    """Return the record of a machine."""
    return record([*config.to_dict().values()])


def decode_config(reader: ByteReader) -> HardwareConfig:
    """Read the record of a machine, all of a section."""
    found = reader.record()
    config = HardwareConfig.from_words(found.words(found.u32()))
    found.finish("the configuration")
    reader.finish("the configuration")
    return config


class StoredValues(NamedTuple):
    """A table set or a bias: float32 values, or the int32 words of fixed point."""

    is_float: bool
    values: NDArray[Any]


def encode_values(values: NDArray[np.generic]) -> bytes:
    """Return the record of a table set or of a bias."""
    return record([values.dtype == np.float32], np.ascontiguousarray(values).tobytes())


def _decode_values(what: str, reader: ByteReader) -> StoredValues:
    (number,) = reader.fields(what, VALUES_FIELDS)
    is_float, raw = flag("is_float", number), reader.rest()
    if len(raw) % 4:
        raise ImageError(f"a {what} of {len(raw)} bytes, not of whole numbers of 4 bytes")
    return StoredValues(is_float, np.frombuffer(raw, "<f4" if is_float else "<i4"))


def decode_bias(reader: ByteReader) -> StoredValues:
    """Read the record of a bias."""
    return _decode_values("bias", reader)


def decode_table_set(reader: ByteReader, config: HardwareConfig) -> StoredValues:
    """Read the record of a table set: one table, of which all PEs have a copy."""
    found = _decode_values("table set", reader)
    if found.values.size != config.codebook_entries:
        raise ImageError(
            f"a table set of {found.values.size} values, the machine's tables have "
            f"{config.codebook_entries}"
        )
    return found


def encode_matrix(matrix: EncodedMatrix, table_set: int = 0) -> bytes:
    """Return the record of a matrix whose table set has the number `table_set`."""
    pointer_bytes = 2 if matrix.entries_per_pe.max() < 1 << 16 else 4
    return record(
        [matrix.rows, matrix.cols, matrix.has_bias_column, pointer_bytes, table_set],
        matrix.pointers.astype(f"<u{pointer_bytes}").tobytes(),
        block(matrix.entries.tobytes()),
    )


class StoredMatrix(NamedTuple):
    """A matrix of an image, and whether its weights are float32."""

    is_float: bool
    matrix: EncodedMatrix


def decode_matrix(
    reader: ByteReader, config: HardwareConfig, table_sets: Sequence[StoredValues]
) -> StoredMatrix:
    """Read the record of a matrix."""
    *sizes, table_set = reader.fields("matrix", MATRIX_FIELDS)
    if table_set >= len(table_sets):
        raise ImageError(f"table set {table_set} of a matrix, the image has {len(table_sets)}")
    is_float, codebook = table_sets[table_set]
    matrix = decode_weights(reader, config, sizes, codebook)
    reader.finish("the entries of a matrix")
    return StoredMatrix(is_float, matrix)


def decode_weights(
    reader: ByteReader, config: HardwareConfig, sizes: Sequence[int], codebook: NDArray[Any]
) -> EncodedMatrix:
    """Read pointers and entries of a matrix with the first four of `MATRIX_FIELDS`."""
    rows, cols, bias_column, pointer_bytes = sizes
    has_bias = flag("has_bias_column", bias_column)
    if not max(rows, cols) <= config.block_values:
        raise ImageError(f"matrix of {rows} x {cols}: at most {config.block_values} fit registers")
    if pointer_bytes not in (2, 4):
        raise ImageError(f"pointer bytes = {pointer_bytes}, allowed is 2 or 4")
    shape = (config.num_pe, cols + has_bias + 1)
    raw = reader.take(shape[0] * shape[1] * pointer_bytes)
    pointers = np.frombuffer(raw, f"<u{pointer_bytes}").reshape(shape).astype(np.uint32)
    entries = np.frombuffer(reader.take(reader.u32()), np.uint8)
    if pointers[:, 0].any() or (pointers[:, 1:] < pointers[:, :-1]).any():
        raise ImageError("the pointers of a matrix do not rise from 0")
    if (total := int(pointers[:, -1].sum(dtype=np.int64))) != entries.size:
        raise ImageError(f"{entries.size} entries, but the pointers end at {total}")
    return EncodedMatrix(
        rows,
        cols,
        config.num_pe,
        config.codebook_bits,
        codebook,
        pointers,
        entries,
        has_bias,
    )
