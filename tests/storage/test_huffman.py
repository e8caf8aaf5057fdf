"""Canonical Huffman codes, with `bitarray` and the entropy as oracles."""

import numpy as np
import pytest
from bitarray import bitarray
from bitarray.util import canonical_decode, canonical_huffman
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eie_backend.errors import ContainerError
from eie_backend.storage import huffman
from eie_backend.storage.huffman import MAX_LENGTH, HuffmanStream, code_lengths, decode, encode

symbol_streams = st.one_of(
    hnp.arrays(np.uint8, st.integers(1, 300)),
    hnp.arrays(np.uint8, st.integers(1, 300), elements=st.integers(0, 3)),
    hnp.arrays(np.uint16, st.integers(1, 300), elements=st.integers(0, 65535)),
)


@given(symbol_streams)
def test_round_trip(symbols):
    stream = encode(symbols)
    np.testing.assert_array_equal(decode(stream, symbols.size, symbols.dtype), symbols)
    data = b"before" + huffman.to_bytes(stream) + b"after"
    read, end = huffman.from_bytes(data, 6)
    assert data[end:] == b"after"
    assert end - 6 == huffman.table_bytes(stream.lengths) + len(stream.data)
    np.testing.assert_array_equal(read.lengths, stream.lengths)
    assert read.data == stream.data


@given(symbol_streams)
def test_bitarray_reads_the_same(symbols):
    stream = encode(symbols)
    ordered = sorted(np.flatnonzero(stream.lengths).tolist(), key=lambda s: stream.lengths[s])
    of_length = np.bincount(stream.lengths)
    of_length[0] = 0
    bits = bitarray(endian="big")
    bits.frombytes(stream.data)
    del bits[int(np.bincount(symbols, minlength=stream.lengths.size) @ stream.lengths) :]
    assert list(canonical_decode(bits, of_length.tolist(), ordered)) == symbols.tolist()


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=100).filter(any))
def test_lengths_are_within_a_bit_of_the_entropy(counts):
    counts = np.array(counts)
    lengths = code_lengths(counts)
    used = counts[counts > 0]
    entropy = used @ np.log2(used.sum() / used)
    bits = counts @ lengths
    assert entropy - 1e-6 <= bits <= entropy + used.sum()
    if used.size > 1:
        assert sum(0.5 ** int(n) for n in lengths[lengths > 0]) == 1


def fibonacci(count):
    numbers = [1, 1]
    while len(numbers) < count:
        numbers.append(numbers[-1] + numbers[-2])
    return np.array(numbers)


def test_codewords_are_no_longer_than_the_decoder_reads():
    """Fibonacci numbers make the deepest tree there is; its cap costs next to nothing."""
    counts = fibonacci(40)
    _, of_length, ordered = canonical_huffman(dict(enumerate(counts.tolist())))
    assert len(of_length) - 1 == 39
    free = np.repeat(np.arange(len(of_length)), of_length) @ counts[ordered]
    lengths = code_lengths(counts)
    assert lengths.max() <= MAX_LENGTH
    assert counts @ lengths <= 1.001 * free
    assert code_lengths(np.ones(1 << 16, int)).tolist() == [16] * (1 << 16)


def test_a_single_symbol_takes_a_bit_each():
    stream = encode(np.full(17, 5, np.uint8))
    assert stream.lengths.tolist() == [0, 0, 0, 0, 0, 1]
    assert stream.data == bytes(3)
    assert decode(stream, 17, np.uint8).tolist() == [5] * 17


def test_no_symbols():
    assert code_lengths(np.zeros(0, int)).size == 0
    nothing = HuffmanStream(np.zeros(0, np.uint8), b"")
    assert decode(nothing, 0, np.uint8).size == 0


@given(symbol_streams, st.data())
def test_altered_bytes_are_refused_or_other_symbols(symbols, data):
    """Never a crash, never a symbol without a codeword."""
    blob = bytearray(huffman.to_bytes(encode(symbols)))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))
    try:
        stream, _ = huffman.from_bytes(bytes(blob), 0)
        found = decode(stream, symbols.size, np.uint16)
    except ContainerError:
        return
    assert (stream.lengths[found] > 0).all()


@given(symbol_streams, st.integers(0, 40))
def test_truncated_bytes_are_refused(symbols, kept):
    blob = huffman.to_bytes(encode(symbols))
    with pytest.raises(ContainerError, match="truncated"):
        huffman.from_bytes(blob[: min(kept, len(blob) - 1)], 0)


@pytest.mark.parametrize(
    ("lengths", "data", "count", "message"),
    [
        ([1, 1], b"\x00", 9, "9 symbols in 1 bytes"),
        ([1, 1], b"\x00", 7, None),
        ([1, 1], b"\x01", 7, "bits follow the last symbol"),
        ([1, 1], b"\x00\x00", 7, "bits follow the last symbol"),
        ([1, 2], b"\x00", 1, "not those of a code"),
        ([1, 1, 1], b"\x00", 1, "not those of a code"),
        ([1], b"\x80", 1, "no codeword at symbol 0 of 1"),
        ([17, 17], b"\x00", 1, "17 bits; 16 at most"),
    ],
)
def test_faults(lengths, data, count, message):
    stream = HuffmanStream(np.array(lengths, np.uint8), data)
    if message is None:
        assert decode(stream, count, np.uint8).tolist() == [0] * count
        return
    with pytest.raises(ContainerError, match=message):
        decode(stream, count, np.uint8)


def test_symbols_wider_than_the_result_are_refused():
    stream = encode(np.array([3, 300], np.uint16))
    with pytest.raises(ContainerError, match=r"symbols = 301, allowed is 0\.\.256"):
        decode(stream, 2, np.uint8)
