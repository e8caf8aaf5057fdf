"""A float32 tensor of few values as bytes: codebook, and Huffman-coded codes and relative indices.

The coding is lossless to the bit. Signs of negative zeros, which a mask produces from negative
weights, are stored separately. `docs/eiez.md` describes the bytes.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import ContainerError
from eie_backend.machine.codebook import codebook_of, codes_of, nonzero_values
from eie_backend.recipe import MAX_INDEX_BITS
from eie_backend.storage import huffman
from eie_backend.storage.layout import Layout, Stream, choose_layout
from eie_backend.storage.relative_index import Entries, from_entries, to_entries

MAX_VALUES = 255
"""Most non-zero values that one-byte codes can distinguish."""

HEADER = struct.Struct("<BBBI")
"""Header: index bits, column-major flag, number of values, number of entries."""


@dataclass(frozen=True, eq=False)
class CodedTensor:
    """A tensor as it is stored.

    Attributes
    ----------
    codebook : ndarray, shape (values + 1,), float32
        0.0, then the values in ascending order.
    layout : Layout
        The reading order and index width of its codes, with the Huffman codes.
    codes : ndarray, uint8
        The tensor of codebook indices.
    signs : bytes
        zlib data: one bit per zero, in row-major order, 1 for -0.0; empty if there is none.
    """

    codebook: NDArray[np.float32]
    layout: Layout
    codes: NDArray[np.uint8]
    signs: bytes

    def weights(self) -> NDArray[np.float32]:
        """Return the original tensor, bit for bit."""
        weights = self.codebook[self.codes]
        if self.signs:
            zeros = weights == 0
            weights[zeros] = np.where(_unpack_signs(self.signs, int(zeros.sum())), -0.0, 0.0)
        return weights


def code_tensor(
    weights: NDArray[np.float32], index_bits: int | Literal["auto"] = "auto"
) -> CodedTensor | None:
    """Return the coded tensor, or None if it has more than `MAX_VALUES` values or a NaN."""
    values = nonzero_values(weights, at_most=MAX_VALUES)
    if values.size > MAX_VALUES or np.isnan(values).any():
        return None
    codebook = codebook_of(weights)
    codes = codes_of(weights.reshape(1, -1), codebook).reshape(weights.shape)
    layout = choose_layout(codes, index_bits)
    return CodedTensor(codebook, layout, codes, _pack_signs(weights))


def to_bytes(tensor: CodedTensor) -> bytes:
    """Return the bytes of a coded tensor."""
    layout = tensor.layout
    entries = to_entries(tensor.codes, layout.index_bits, layout.column_major)
    count, values = entries.codes.size, tensor.codebook[1:]
    parts = [
        HEADER.pack(layout.index_bits, layout.column_major, values.size, count),
        values.astype("<f4").tobytes(),
    ]
    if count:
        parts.append(huffman.to_bytes(huffman.encode(entries.codes)))
    if count and layout.index_bits:
        parts.append(huffman.to_bytes(huffman.encode(entries.runs)))
    return b"".join([*parts, tensor.signs])


def from_bytes(data: bytes, shape: tuple[int, ...]) -> CodedTensor:
    """Decode untrusted bytes to a coded tensor.

    Raises
    ------
    ContainerError
        If the bytes are not a tensor of that shape.
    """
    if len(data) < HEADER.size:
        raise ContainerError(f"truncated: {len(data)} bytes; a coded tensor has {HEADER.size}")
    index_bits, column_major, values, count = HEADER.unpack_from(data)
    if index_bits > MAX_INDEX_BITS or column_major > 1:
        raise ContainerError(f"{index_bits} index bits in order {column_major}; at most 16 and 1")
    at = HEADER.size + 4 * values
    if at > len(data):
        raise ContainerError(f"truncated: {values} values in {len(data)} bytes")
    codebook = np.append(np.float32(0), np.frombuffer(data, "<f4", values, HEADER.size))
    codes, of_codes, at = _read(data, at, count, np.uint8)
    if index_bits:
        runs, of_runs, at = _read(data, at, count, np.uint16)
    else:
        runs, of_runs = np.zeros(count, np.uint16), Stream.of_nothing()
    if codes.max(initial=0) > values or int(runs.max(initial=0)) >> index_bits:
        raise ContainerError(
            f"code {codes.max(initial=0)} and run {runs.max(initial=0)}; at most {values} and "
            f"{(1 << index_bits) - 1} are possible"
        )
    fillers = count - int(np.count_nonzero(codes))
    layout = Layout(index_bits, bool(column_major), fillers, of_codes, of_runs)
    entries = Entries(codes, runs, index_bits, bool(column_major))
    return CodedTensor(codebook, layout, from_entries(entries, shape), data[at:])


def _read(
    data: bytes, at: int, count: int, dtype: type[np.generic]
) -> tuple[NDArray[Any], Stream, int]:
    """Return a stream's symbols, its statistics and its end; an empty stream takes no bytes."""
    if not count:
        return np.zeros(0, dtype), Stream.of_nothing(), at
    stored, end = huffman.from_bytes(data, at)
    symbols = huffman.decode(stored, count, dtype)
    return symbols, Stream(np.bincount(symbols, minlength=stored.lengths.size), stored.lengths), end


def _pack_signs(weights: NDArray[np.float32]) -> bytes:
    signs = np.signbit(weights[weights == 0])
    return zlib.compress(np.packbits(signs).tobytes(), 9) if signs.any() else b""


def _unpack_signs(data: bytes, zeros: int) -> NDArray[np.bool_]:
    size = -(-zeros // 8)
    signs = inflate(data, size)
    return np.unpackbits(np.frombuffer(signs, np.uint8), count=zeros).astype(bool)


def inflate(data: bytes, size: int) -> bytes:
    """Inflate zlib `data` of exactly `size` bytes; never allocate more.

    Raises
    ------
    ContainerError
        If the data are not zlib data of that size.
    """
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(data, size + 1)
    except zlib.error as error:
        raise ContainerError(f"not zlib data: {error}") from error
    if len(plain) != size or not inflater.eof or inflater.unused_data:
        raise ContainerError(f"zlib data of {len(plain)} bytes or more; {size} are declared")
    return plain
