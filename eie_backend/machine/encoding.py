"""Interleaved compressed sparse columns: how the machine stores a shared-weight matrix.

PE k holds rows k, k + P, k + 2P, ... Within its slice every column is a list of entries
(code, run): `run` zeros of the slice are skipped before the entry. A longer run takes padding
entries (code 0, the longest run), each of which advances ``max_run + 1`` local rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eie_backend.config import HardwareConfig
from eie_backend.errors import EncodingError
from eie_backend.machine.nonzeros import NonZeros, in_threads, map_columns, nonzeros
from eie_backend.show.html import Bar, folded, table

BLOCK_CODES = 1 << 15
"""Codes that are encoded together."""

CODE_MASK = 0xFF


@dataclass(frozen=True, eq=False)
class EncodedMatrix:
    """A weight matrix in the machine's storage format.

    Attributes
    ----------
    rows, cols : int
        Outputs and inputs; a bias column is not counted in `cols`.
    num_pe, codebook_bits : int
        The machine's sizes for which the matrix is laid out.
    codebook : ndarray, shape (2**codebook_bits,), float32 or int32
        Shared weights; entry 0 is 0. int32 holds fixed-point words.
    pointers : ndarray, shape (num_pe, stored columns + 1), uint32
        Index of each column's first entry, counted per PE.
    entries : ndarray, shape (total entries,), uint8
        All PEs' entries, PE after PE: ``run << codebook_bits | code``.
    has_bias_column : bool
        Whether one more column, fed by a constant 1, follows the inputs.
    """

    rows: int
    cols: int
    num_pe: int
    codebook_bits: int
    codebook: NDArray[np.generic]
    pointers: NDArray[np.uint32]
    entries: NDArray[np.uint8]
    has_bias_column: bool = False

    def __post_init__(self) -> None:
        """Make the arrays read-only, because copies of the matrix may already be loaded."""
        for name in ("codebook", "pointers", "entries"):
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __repr__(self) -> str:
        return (
            f"<EncodedMatrix {self.rows} x {self.cols}, {self.num_pe} PEs, "
            f"{self.codebook_bits} bits, {self.entries.size} entries>"
        )

    def _repr_html_(self) -> str:
        """Show the matrix's sizes, its codebook, and its entries per PE."""
        entries, weights = self.entries.size, self.rows * self.stored_cols
        stored = entries - self.padding_entries
        per_pe = self.entries_per_pe
        facts = [
            ("rows x columns", f"{self.rows:,} x {self.cols:,}"),
            ("bias column", "yes" if self.has_bias_column else "no"),
            ("weights stored", f"{stored:,} of {weights:,}: {stored / weights:.1%}"),
            ("paddings", f"{self.padding_entries:,} of {entries:,} entries"),
            ("bits of an entry", f"{self.codebook_bits} code + {8 - self.codebook_bits} zero run"),
            ("entries of a PE", f"{per_pe.min():,} to {per_pe.max():,}, mean {per_pe.mean():,.1f}"),
            ("codebook", " ".join(f"{value:.10g}" for value in self.codebook.tolist())),
        ]
        longest = max(int(per_pe.max()), 1)
        bars = table(
            f"{self.num_pe} PEs",
            ["PE", "entries", "of the most"],
            [(k, int(n), Bar(int(n), longest)) for k, n in enumerate(per_pe)],
        )
        return (
            table("EncodedMatrix", ["property", "value"], facts)
            + "\n"
            + folded("entries by PE", bars)
        )

    @property
    def stored_cols(self) -> int:
        """Columns in storage, the bias column included."""
        return self.cols + self.has_bias_column

    @property
    def entries_per_pe(self) -> NDArray[np.uint32]:
        """Entries of each PE, paddings included; shape (num_pe,)."""
        return self.pointers[:, -1]

    @property
    def padding_entries(self) -> int:
        """Entries that carry no weight."""
        code_mask = (1 << self.codebook_bits) - 1
        return int(np.count_nonzero((self.entries & code_mask) == 0))

    def storage_bytes(self, config: HardwareConfig) -> int:
        """Return the bytes in the machine's SRAM: entries, pointers and codebook.

        Pointers count `ptr_bits` each, codebook entries 16 bits.
        """
        pointer_bytes = -(-self.pointers.size * config.ptr_bits // 8)
        return self.entries.size + pointer_bytes + 2 * self.codebook.size

    def codes(self) -> NDArray[np.uint8]:
        """Decode to the dense codebook indices, shape (rows, stored_cols), uint8.

        Raises
        ------
        EncodingError
            If an entry of an untrusted matrix is past the last row.
        """
        per_pe = self.entries_per_pe.astype(np.int64)
        pe = np.repeat(np.arange(self.num_pe), per_pe)
        wide = self.pointers.astype(np.int64)
        lengths = wide[:, 1:] - wide[:, :-1]
        columns = np.tile(np.arange(self.stored_cols), self.num_pe)
        column = np.repeat(columns, lengths.reshape(-1))
        advance = (self.entries >> self.codebook_bits).astype(np.int64) + 1
        total = np.cumsum(advance)
        first = np.flatnonzero(np.diff(pe * self.stored_cols + column, prepend=-1))
        before = np.repeat(total[first] - advance[first], np.append(first[1:], total.size) - first)
        local_row = total - before - 1
        code = self.entries & ((1 << self.codebook_bits) - 1)
        dense = np.zeros((self.rows, self.stored_cols), np.uint8)
        real = code != 0
        row = (local_row * self.num_pe + pe)[real]
        if row.max(initial=-1) >= self.rows:
            raise EncodingError(
                f"an entry is of row {row.max()}, the matrix has {self.rows}; encode it again"
            )
        dense[row, column[real]] = code[real]
        return dense


def encode(
    codes: ArrayLike | NonZeros,
    codebook: ArrayLike,
    config: HardwareConfig,
    bias_codes: ArrayLike | None = None,
) -> EncodedMatrix:
    """Encode codebook indices into interleaved compressed sparse columns.

    Parameters
    ----------
    codes : array_like, shape (out, in), uint8, or NonZeros
        Codebook indices; 0 means a pruned weight.
    codebook : array_like, shape (up to 2**codebook_bits,), float32
        Shared weights; entry 0 must be 0.0.
    config : HardwareConfig
        Machine for which the rows are interleaved.
    bias_codes : array_like, shape (out,), uint8, optional
        Codes of the bias column of the paper's own simulator.

    Returns
    -------
    EncodedMatrix

    Raises
    ------
    EncodingError
        If shapes disagree, a code is outside the codebook or entry 0 is not 0.0.

    Notes
    -----
    **Source**: EIE paper, section 3 (representation).

    Examples
    --------
    The paper's column 0, 0, 1, 2, eighteen zeros, 3, on one PE:

    >>> column = [0, 0, 1, 2] + [0] * 18 + [3]
    >>> one_pe = HardwareConfig(num_pe=1)
    >>> encoded = encode(np.array([column]).T, [0.0, 1.0, 2.0, 3.0], one_pe)
    >>> [(int(e & 15), int(e >> 4)) for e in encoded.entries]
    [(1, 2), (2, 0), (0, 15), (3, 2)]
    """
    values = _checked_codebook(codebook, config)
    stored = codes if isinstance(codes, NonZeros) else _nonzero_codes(np.asarray(codes))
    rows, cols = stored.shape
    has_bias = bias_codes is not None
    if bias_codes is not None:
        stored = _with_column(stored, np.asarray(bias_codes))
    lowest, highest = stored.values.min(initial=0), stored.values.max(initial=0)
    if stored.values.dtype.kind not in "ui" or lowest < 0 or highest >= len(values):
        raise EncodingError(
            f"codes are {stored.values.dtype} in {lowest}..{highest}; "
            f"they must be integers in 0..{len(values) - 1}, the entries of the codebook"
        )
    blocks = in_threads(lambda block: _encode_block(block, config), _blocks(stored))
    lengths = np.hstack([block.lengths for block in blocks])
    pointers = np.zeros((config.num_pe, cols + has_bias + 1), np.uint32)
    np.cumsum(lengths, axis=1, out=pointers[:, 1:])
    full = np.zeros(config.codebook_entries, np.float32)
    full[: len(values)] = values
    return EncodedMatrix(
        rows,
        cols,
        config.num_pe,
        config.codebook_bits,
        full,
        pointers,
        _pe_after_pe(blocks),
        has_bias,
    )


def slice_lengths(codes: NDArray[np.generic], config: HardwareConfig) -> NDArray[np.int64]:
    """Return how many entries, paddings included, each column takes in each PE.

    Parameters
    ----------
    codes : ndarray, shape (out, in), any dtype
        Codebook indices, or any array with zeros in the same places, such as the weights.
    config : HardwareConfig
        Machine for which the rows are interleaved.

    Returns
    -------
    ndarray, shape (num_pe, in), int64

    Examples
    --------
    >>> slice_lengths(np.array([[1, 0], [0, 0], [1, 1]]), HardwareConfig(num_pe=2)).tolist()
    [[2, 1], [0, 0]]
    """

    def lengths(_start: int, columns: NDArray[Any]) -> NDArray[np.int64]:
        marks = columns != 0
        places = np.flatnonzero(marks)
        block = _Block(len(marks), codes.shape[0], places, np.ones(places.size, np.uint8))
        return _encode_block(block, config).lengths

    return np.hstack(map_columns(lengths, codes))


class _Block(NamedTuple):
    """Codes of consecutive columns at ``column * rows + row``, both counted within the block."""

    cols: int
    rows: int
    positions: NDArray[Any]
    codes: NDArray[Any]


class _EncodedBlock(NamedTuple):
    """Entries of consecutive columns, PE after PE, and their number (num_pe, cols)."""

    entries: NDArray[np.uint8]
    lengths: NDArray[np.int64]


def _nonzero_codes(codes: NDArray[Any]) -> NonZeros:
    if codes.ndim != 2 or 0 in codes.shape:
        raise EncodingError(f"codes has shape {codes.shape}; it must be (out, in), both at least 1")
    return nonzeros(codes)


def _with_column(codes: NonZeros, column: NDArray[Any]) -> NonZeros:
    rows, cols = codes.shape
    if column.shape != (rows,):
        raise EncodingError(f"bias_codes has shape {column.shape}; it must be {(rows,)}")
    places = np.flatnonzero(column)
    return NonZeros(
        (rows, cols + 1),
        np.concatenate([codes.positions, rows * cols + places]),
        np.concatenate([codes.values, column[places]]),
    )


def _blocks(codes: NonZeros) -> list[_Block]:
    """Cut codes into blocks of columns that fit a cache."""
    rows, cols = codes.shape
    width = max(cols * BLOCK_CODES // max(codes.values.size, 1), 1)
    starts = np.append(np.arange(0, cols, width), cols)
    limits = np.searchsorted(codes.positions, (starts * rows).astype(np.int64))
    return [
        _Block(
            stop - start,
            rows,
            codes.positions[first:last] - start * rows,
            codes.values[first:last],
        )
        for (start, stop), (first, last) in zip(pairwise(starts), pairwise(limits), strict=True)
    ]


def _encode_block(block: _Block, config: HardwareConfig) -> _EncodedBlock:
    num_pe, step = config.num_pe, config.max_run + 1
    segments, slice_rows = num_pe * block.cols, -(-block.rows // num_pe)
    places = segments * slice_rows
    column, row = _divided(block.positions.astype(_index(places)), block.rows)
    local_row, pe = _divided(row, num_pe)
    # Sort by storage position, with the code in the low bits: sorting plain words is fast.
    keys = ((pe * block.cols + column) * slice_rows + local_row).astype(_index(places << 8))
    keys <<= 8
    keys |= block.codes
    keys.sort()
    place = keys >> 8
    segment = place // slice_rows
    gap = place - segment * slice_rows
    gap[1:] = np.minimum(gap[1:], place[1:] - place[:-1] - 1)
    paddings, run = _divided(gap, step)
    entries = (run << config.codebook_bits | keys & CODE_MASK).astype(np.uint8)
    lengths = np.bincount(segment, minlength=segments)
    if (padded := np.flatnonzero(paddings)).size:
        ends = np.cumsum(paddings + 1, dtype=np.int64)
        weights = entries
        entries = np.full(ends[-1], config.max_run << config.codebook_bits, np.uint8)
        entries[ends - 1] = weights
        extra = np.bincount(segment[padded], paddings[padded], segments)
        lengths += extra.astype(np.int64)
    return _EncodedBlock(entries, lengths.reshape(num_pe, block.cols))


def _index(count: int) -> type[np.signedinteger[Any]]:
    return np.int32 if count <= 1 << 31 else np.int64


def _divided(numbers: NDArray[Any], by: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return quotient and remainder; NumPy's own remainder is ten times slower."""
    quotient = numbers // by
    return quotient, numbers - quotient * by


def _pe_after_pe(blocks: list[_EncodedBlock]) -> NDArray[np.uint8]:
    """Return the entries of all blocks, those of a PE together."""
    parts = [np.split(block.entries, np.cumsum(block.lengths.sum(axis=1))[:-1]) for block in blocks]
    return np.concatenate([part for of_pe in zip(*parts, strict=True) for part in of_pe])


def _checked_codebook(codebook: ArrayLike, config: HardwareConfig) -> NDArray[np.float32]:
    values = np.asarray(codebook, np.float32)
    if values.ndim != 1 or not 1 <= values.size <= config.codebook_entries:
        raise EncodingError(
            f"codebook has shape {values.shape}; the machine decodes {config.codebook_bits} bits, "
            f"so give at most {config.codebook_entries} entries (share weights with fewer bits)"
        )
    if values[0] != 0.0 or not np.isfinite(values).all():
        raise EncodingError(
            f"codebook entry 0 is {values[0]}, entries must be finite and entry 0 must be 0.0, "
            "the pruned weight"
        )
    return values
