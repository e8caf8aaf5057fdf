"""Canonical Huffman codes: the code table is stored as the lengths of the codewords.

``bitarray`` builds and encodes; the runtime's C++ decodes, about five times as fast
(``benchmarks/huffman.py``).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from bitarray import bitarray
from bitarray.util import canonical_huffman, int2ba
from numpy.typing import NDArray

from eie_backend.errors import ContainerError
from eie_backend.runtime import runtime

MAX_LENGTH = 16
"""Bits of the longest codeword: enough for 65536 symbols; a decoding table still fits a cache."""

HEADER = struct.Struct("<HBI")
"""Header of a stored stream: its largest symbol, the bits of a length, the bytes of its data."""


@dataclass(frozen=True, eq=False)
class HuffmanStream:
    """Symbols encoded with a canonical Huffman code.

    Attributes
    ----------
    lengths : ndarray, shape (largest symbol + 1,), uint8
        Bits of each symbol's codeword, 0 for a symbol that does not occur.
    data : bytes
        The codewords, most significant bit first, padded with 0 bits.
    """

    lengths: NDArray[np.uint8]
    data: bytes


def code_lengths(counts: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """Return the codeword length of each symbol from its count, at most `MAX_LENGTH` bits.

    A symbol with count 0 has no codeword; a single symbol takes one bit.

    Examples
    --------
    >>> code_lengths(np.array([5, 0, 2, 1])).tolist()
    [1, 0, 2, 2]
    """
    lengths = np.zeros(counts.size, np.uint8)
    present = np.flatnonzero(counts)
    while present.size:
        frequencies = dict(zip(present.tolist(), counts[present].tolist(), strict=True))
        _, of_length, symbols = canonical_huffman(frequencies)
        if len(of_length) <= MAX_LENGTH + 1:
            lengths[symbols] = np.repeat(np.arange(len(of_length)), of_length)
            break
        counts = (counts + 1) // 2  # raises the rarest symbols' counts, as in bzip2
    return lengths


def codewords(lengths: NDArray[np.uint8]) -> dict[int, bitarray]:
    """Return the codewords of a canonical code, in order of length and then of symbol.

    Examples
    --------
    >>> {symbol: word.to01() for symbol, word in codewords(np.array([1, 0, 2, 2])).items()}
    {0: '0', 2: '10', 3: '11'}
    """
    symbols = np.flatnonzero(lengths)
    ordered = symbols[np.argsort(lengths[symbols], kind="stable")]
    wide = lengths[ordered].astype(np.int64)
    spans = 1 << (MAX_LENGTH - wide)
    words = (np.cumsum(spans) - spans) >> (MAX_LENGTH - wide)
    rows = zip(ordered.tolist(), words.tolist(), wide.tolist(), strict=True)
    return {symbol: int2ba(word, length, endian="big") for symbol, word, length in rows}


def encode(symbols: NDArray[np.uint8] | NDArray[np.uint16]) -> HuffmanStream:
    """Encode symbols with the Huffman code of their frequencies.

    Notes
    -----
    **Source**: Deep Compression, section 4; the canonical form is what Zlib and JPEG store.
    """
    lengths = code_lengths(np.bincount(symbols))
    bits = bitarray(endian="big")
    bits.encode(codewords(lengths), symbols.tolist())
    return HuffmanStream(lengths, bits.tobytes())


def decode(stream: HuffmanStream, count: int, dtype: type[np.generic]) -> NDArray[Any]:
    """Decode `count` symbols of an untrusted stream as uint8 or uint16.

    Raises
    ------
    ContainerError
        If the lengths are not a prefix code, or the data do not hold that many symbols.
    """
    if count > 8 * len(stream.data):
        raise ContainerError(f"{count} symbols in {len(stream.data)} bytes; a symbol takes a bit")
    symbols = np.empty(count, dtype)
    try:
        runtime().huffman_decode(stream.lengths, stream.data, symbols)
    except ValueError as error:
        raise ContainerError(str(error)) from error
    return symbols


def table_bytes(lengths: NDArray[np.uint8]) -> int:
    """Return the bytes of a stored stream without its data."""
    return HEADER.size + -(-lengths.size * int(lengths.max(initial=0)).bit_length() // 8)


def to_bytes(stream: HuffmanStream) -> bytes:
    """Return a stream with its code table: codeword lengths, each with the width of the largest.

    Examples
    --------
    >>> to_bytes(encode(np.array([0, 2, 3, 0], np.uint8))).hex()
    '030002010000004a58'
    """
    width = int(stream.lengths.max()).bit_length()
    bits = np.unpackbits(stream.lengths[:, None], axis=1)[:, 8 - width :]
    header = HEADER.pack(stream.lengths.size - 1, width, len(stream.data))
    return header + np.packbits(bits).tobytes() + stream.data


def from_bytes(data: bytes, at: int) -> tuple[HuffmanStream, int]:
    """Return the stream at an offset of untrusted bytes, and its end.

    Raises
    ------
    ContainerError
        If the bytes end before the stream does.
    """
    table = at + HEADER.size
    if table > len(data):
        raise ContainerError(f"truncated: a code table starts at byte {at} of {len(data)}")
    largest, width, size = HEADER.unpack_from(data, at)
    start = table + -(-(largest + 1) * width // 8)
    if width > MAX_LENGTH.bit_length() or start + size > len(data):
        raise ContainerError(
            f"truncated: {largest + 1} lengths of {width} bits and {size} bytes of codes are "
            f"declared at byte {at} of {len(data)}"
        )
    packed = np.frombuffer(data, np.uint8, start - table, table)
    lengths = np.zeros((largest + 1, 8), np.uint8)
    lengths[:, 8 - width :] = np.unpackbits(packed, count=(largest + 1) * width).reshape(
        largest + 1, width
    )
    stream = HuffmanStream(np.packbits(lengths, axis=1)[:, 0], data[start : start + size])
    return stream, start + size
