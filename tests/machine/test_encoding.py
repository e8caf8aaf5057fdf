"""Interleaved compressed sparse columns against the words of the microarchitecture page."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eie_backend import HardwareConfig, encode
from eie_backend.errors import EncodingError
from eie_backend.machine import encoding
from eie_backend.machine import nonzeros as nonzeros_module
from eie_backend.machine.encoding import slice_lengths
from eie_backend.machine.nonzeros import NonZeros, nonzeros

ONE_PE = HardwareConfig(num_pe=1)


def by_the_page(codes, num_pe, codebook_bits):
    """Entries (code, run) and pointers of every PE, one entry at a time."""
    longest_run = 2 ** (8 - codebook_bits) - 1
    entries, pointers = [], []
    for k in range(num_pe):
        mine, starts = [], []
        for column in codes.T:
            starts.append(len(mine))
            run = 0
            for code in column[k::num_pe]:
                if code == 0:
                    run += 1
                    continue
                while run > longest_run:
                    mine.append((0, longest_run))
                    run -= longest_run + 1
                mine.append((int(code), run))
                run = 0
        pointers.append([*starts, len(mine)])
        entries += mine
    return entries, pointers


@st.composite
def layers(draw):
    """Draw a machine, codes of any density, perhaps a bias column, and the codebook."""
    config = HardwareConfig(
        num_pe=draw(st.sampled_from([1, 2, 3, 5, 8, 64])), codebook_bits=draw(st.integers(2, 7))
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, cols = draw(st.integers(1, 120)), draw(st.integers(1, 6))
    size = draw(st.integers(1, config.codebook_entries))
    density = draw(st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]))
    codes = rng.integers(0, size, (rows, cols + 1)) * (rng.random((rows, cols + 1)) < density)
    codebook = np.append(0, rng.normal(size=size - 1))
    bias = codes[:, -1].astype(np.uint8) if draw(st.booleans()) else None
    return config, codes[:, :-1].astype(np.uint8), codebook, bias


@given(layer=layers())
def test_the_codes_come_back(layer):
    config, codes, codebook, bias = layer
    encoded = encode(codes, codebook, config, bias)
    stored = codes if bias is None else np.column_stack([codes, bias])
    assert encoded.codes().dtype == np.uint8
    assert encoded.codes().tolist() == stored.tolist()
    assert encoded.has_bias_column == (bias is not None)
    assert (encoded.rows, encoded.cols) == codes.shape
    assert encoded.stored_cols == stored.shape[1]


@given(layer=layers())
def test_entries_and_pointers_are_those_of_the_page(layer):
    config, codes, codebook, bias = layer
    encoded = encode(codes, codebook, config, bias)
    stored = codes if bias is None else np.column_stack([codes, bias])
    entries, pointers = by_the_page(stored, config.num_pe, config.codebook_bits)
    mask = config.codebook_entries - 1
    assert [(e & mask, e >> config.codebook_bits) for e in encoded.entries.tolist()] == entries
    assert encoded.pointers.tolist() == pointers
    assert encoded.entries_per_pe.tolist() == [last for *_, last in pointers]
    assert encoded.padding_entries == sum(code == 0 for code, _ in entries)


@given(layer=layers(), ptr_bits=st.integers(4, 32))
def test_storage_counts_entries_pointers_and_codebook(layer, ptr_bits):
    machine, codes, codebook, bias = layer
    config = HardwareConfig(**{**machine.to_dict(), "ptr_bits": ptr_bits})
    encoded = encode(codes, codebook, config, bias)
    bits = 8 * encoded.entries.size
    bits += ptr_bits * config.num_pe * (encoded.stored_cols + 1)
    bits += 16 * config.codebook_entries
    assert encoded.storage_bytes(config) == -(-Fraction(bits, 8) // 1)


@given(layer=layers(), block_codes=st.integers(1, 40), block=st.integers(1, 200))
def test_blocks_do_not_show(layer, block_codes, block):
    config, codes, codebook, bias = layer
    whole = encode(codes, codebook, config, bias)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "BLOCK_CODES", block_codes)
        patch.setattr(nonzeros_module, "BLOCK", block)
        cut = encode(nonzeros(np.asfortranarray(codes)), codebook, config, bias)
        lengths = slice_lengths(codes, config)
    for name in ("pointers", "entries", "codebook"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name))
    assert (cut.rows, cut.cols, cut.has_bias_column) == (*codes.shape, bias is not None)
    assert lengths.tolist() == np.diff(whole.pointers.astype(int))[:, : codes.shape[1]].tolist()


def test_a_block_of_many_places_is_sorted_in_wider_words():
    """One column of 2**23 rows: place and code together take more than 31 bits."""
    positions = np.array([3, 2**23 - 1])
    codes = NonZeros((2**23, 1), positions, np.array([2, 1], np.uint8))
    config = HardwareConfig(num_pe=8, codebook_bits=2)
    encoded = encode(codes, [0, 1, 2], config)
    assert encoded.padding_entries == (2**20 - 1) // 64
    assert np.flatnonzero(encoded.codes()).tolist() == positions.tolist()


def test_the_column_of_the_paper():
    column = np.array([[0, 0, 1, 2, *[0] * 18, 3]]).T
    encoded = encode(column, [0, 1, 2, 3], ONE_PE)
    assert (encoded.entries & 15).tolist() == [1, 2, 0, 3]
    assert (encoded.entries >> 4).tolist() == [2, 0, 15, 2]
    assert encoded.pointers.tolist() == [[0, 4]]


def test_the_second_figure_of_the_paper():
    """Rows of PE 0 in Fig. 2: entries and pointers as printed in Fig. 3."""
    runs = [0, 1, 0, 1, 0, 2, 0, 0, 0, 2, 0, 2, 0]
    pointers = [0, 3, 4, 6, 6, 8, 10, 11, 13]
    mine = np.zeros((4, 8), np.uint8)
    for column, (start, stop) in enumerate(pairwise(pointers)):
        row = -1
        for run in runs[start:stop]:
            row += run + 1
            mine[row, column] = 1
    codes = np.zeros((16, 8), np.uint8)
    codes[::4] = mine
    encoded = encode(codes, [0, 1], HardwareConfig(num_pe=4))
    assert encoded.pointers.tolist() == [pointers, *[[0] * 9] * 3]
    assert (encoded.entries >> 4).tolist() == runs


@given(codebook_bits=st.integers(2, 7), run=st.integers(0, 300))
@example(codebook_bits=4, run=15)
@example(codebook_bits=4, run=16)
def test_a_padding_is_taken_for_every_full_run(codebook_bits, run):
    config = HardwareConfig(num_pe=1, codebook_bits=codebook_bits)
    encoded = encode(np.array([[0] * run + [1]]).T, [0, 1], config)
    assert encoded.padding_entries == run // (config.max_run + 1)


def test_zeros_after_the_last_weight_take_no_entry():
    assert encode([[1], *[[0]] * 100], [0, 1], ONE_PE).entries.size == 1


def test_a_short_codebook_is_filled_with_zeros():
    codebook = encode([[1]], [0, 0.5], ONE_PE).codebook
    assert codebook.dtype == np.float32
    assert codebook.tolist() == [0, 0.5, *[0] * 14]


@pytest.mark.parametrize("codebook_bits", [2, 4, 7])
def test_the_codebook_holds_two_to_the_bits_and_no_more(codebook_bits):
    config = HardwareConfig(num_pe=1, codebook_bits=codebook_bits)
    entries = 2**codebook_bits
    assert encode([[entries - 1]], np.arange(entries), config).codes() == [[entries - 1]]
    with pytest.raises(EncodingError) as error:
        encode([[1]], np.arange(entries + 1), config)
    assert str(error.value) == (
        f"codebook has shape ({entries + 1},); the machine decodes {codebook_bits} bits, "
        f"so give at most {entries} entries (share weights with fewer bits)"
    )


@pytest.mark.parametrize(
    ("codes", "codebook", "bias", "message"),
    [
        ([1, 2], [0, 1, 2], None, "codes has shape (2,); it must be (out, in), both at least 1"),
        (
            np.zeros((0, 3), int),
            [0],
            None,
            "codes has shape (0, 3); it must be (out, in), both at least 1",
        ),
        (
            np.zeros((3, 0), int),
            [0],
            None,
            "codes has shape (3, 0); it must be (out, in), both at least 1",
        ),
        ([[1], [1]], [0, 1], [1], "bias_codes has shape (1,); it must be (2,)"),
        ([[1], [1]], [0, 1], [[1], [1]], "bias_codes has shape (2, 1); it must be (2,)"),
        (
            [[0, 3]],
            [0, 1, 2],
            None,
            "codes are int64 in 0..3; they must be integers in 0..2, the entries of the codebook",
        ),
        (
            [[-1, 0]],
            [0, 1],
            None,
            "codes are int64 in -1..0; they must be integers in 0..1, the entries of the codebook",
        ),
        (
            [[0.0, 1.0]],
            [0, 1],
            None,
            "codes are float64 in 0.0..1.0; they must be integers in 0..1, "
            "the entries of the codebook",
        ),
        (
            [[0]],
            [0, 1],
            [2],
            "codes are int64 in 0..2; they must be integers in 0..1, the entries of the codebook",
        ),
        (
            [[0]],
            [0.5, 1],
            None,
            "codebook entry 0 is 0.5, entries must be finite and entry 0 must be 0.0, "
            "the pruned weight",
        ),
        (
            [[0]],
            [0, np.nan],
            None,
            "codebook entry 0 is 0.0, entries must be finite and entry 0 must be 0.0, "
            "the pruned weight",
        ),
        (
            [[0]],
            [],
            None,
            "codebook has shape (0,); the machine decodes 4 bits, so give at most 16 entries "
            "(share weights with fewer bits)",
        ),
        (
            [[0]],
            [[0]],
            None,
            "codebook has shape (1, 1); the machine decodes 4 bits, so give at most 16 entries "
            "(share weights with fewer bits)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(codes, codebook, bias, message):
    with pytest.raises(EncodingError) as error:
        encode(codes, codebook, ONE_PE, bias)
    assert str(error.value) == message
