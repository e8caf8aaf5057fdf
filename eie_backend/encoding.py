"""Interleaved compressed sparse columns: how the machine stores a shared-weight matrix.

PE k holds rows k, k + P, k + 2P, ... Within its slice every column is a list of entries
(code, run): `run` zeros of the slice are skipped before the entry. A longer run takes padding
entries (code 0, the longest run), each of which advances ``max_run + 1`` local rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eie_backend.config import HardwareConfig
from eie_backend.errors import EncodingError

CHUNK = 1 << 18
"""Codes that `slice_lengths` looks at together."""


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
        """Take read-only views: a matrix stays what a loaded copy of it is."""
        for name in ("codebook", "pointers", "entries"):
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

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
        """Decode to the dense codebook indices, shape (rows, stored_cols), uint8."""
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
        dense[(local_row * self.num_pe + pe)[real], column[real]] = code[real]
        return dense


def encode(
    codes: ArrayLike,
    codebook: ArrayLike,
    config: HardwareConfig,
    bias_codes: ArrayLike | None = None,
) -> EncodedMatrix:
    """Encode codebook indices into interleaved compressed sparse columns.

    Parameters
    ----------
    codes : array_like, shape (out, in), uint8
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
    dense = np.asarray(codes)
    values = _checked_codebook(codebook, config)
    if dense.ndim != 2 or 0 in dense.shape:
        raise EncodingError(f"codes has shape {dense.shape}; it must be (out, in), both at least 1")
    if bias_codes is not None:
        bias = np.asarray(bias_codes)
        if bias.shape != dense.shape[:1]:
            raise EncodingError(f"bias_codes has shape {bias.shape}; it must be {dense.shape[:1]}")
        dense = np.column_stack([dense, bias])
    if dense.dtype.kind not in "ui" or dense.min() < 0 or dense.max() >= len(values):
        raise EncodingError(
            f"codes are {dense.dtype} in {dense.min()}..{dense.max()}; "
            f"they must be integers in 0..{len(values) - 1}, the entries of the codebook"
        )
    rows, stored_cols = dense.shape
    num_pe, step = config.num_pe, config.max_run + 1
    stored = _stored_codes(dense.astype(np.uint8, copy=False), config)
    position = np.cumsum(stored.gap // step + 1) - 1
    total = int(position[-1]) + 1 if position.size else 0
    entries = np.full(total, config.max_run << config.codebook_bits, np.uint8)
    entries[position] = (stored.gap % step) << config.codebook_bits | stored.code
    lengths = stored.lengths(config, stored_cols)
    pointers = np.zeros((num_pe, stored_cols + 1), np.uint32)
    pointers[:, 1:] = np.cumsum(lengths, axis=1)
    full = np.zeros(config.codebook_entries, np.float32)
    full[: len(values)] = values
    has_bias = bias_codes is not None
    return EncodedMatrix(
        rows,
        stored_cols - has_bias,
        num_pe,
        config.codebook_bits,
        full,
        pointers,
        entries,
        has_bias,
    )


def slice_lengths(codes: NDArray[np.generic], config: HardwareConfig) -> NDArray[np.int64]:
    """Return how many entries, paddings included, each column takes in each PE.

    Parameters
    ----------
    codes : ndarray, shape (out, in), any dtype
        Codebook indices, or anything else that is zero where they are, as the weights.
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
    rows, cols = codes.shape
    width = max(CHUNK // rows, 1)
    return np.hstack(
        [
            _stored_codes(part != 0, config).lengths(config, part.shape[1])
            for part in (codes[:, start : start + width] for start in range(0, cols, width))
        ]
    )


class _StoredCodes(NamedTuple):
    """The non-zero codes of a matrix in the order in which they are stored.

    `segment` counts the columns of all PEs, PE after PE; `gap` counts the zeros before a code.
    """

    code: NDArray[Any]
    segment: NDArray[np.int64]
    gap: NDArray[np.int64]

    def lengths(self, config: HardwareConfig, cols: int) -> NDArray[np.int64]:
        """Return the entries of each column in each PE, shape (num_pe, cols)."""
        entries = self.gap // (config.max_run + 1) + 1
        counts = np.bincount(self.segment, entries, config.num_pe * cols)
        return counts.astype(np.int64).reshape(config.num_pe, cols)


def _stored_codes(dense: NDArray[Any], config: HardwareConfig) -> _StoredCodes:
    rows, cols = dense.shape
    by_column = np.ascontiguousarray(dense.T)
    flat = np.flatnonzero(by_column)
    column, row = np.divmod(flat, rows)
    local_row, pe = np.divmod(row, config.num_pe)
    # A stable sort of 16-bit keys is a radix sort; within a PE the order stays column, row.
    order = np.argsort(pe.astype(np.uint16), kind="stable")
    segment, local_row = (pe * cols + column)[order], local_row[order]
    gap = np.diff(local_row, prepend=-1) - 1
    starts = np.flatnonzero(np.diff(segment, prepend=-1))
    gap[starts] = local_row[starts]
    return _StoredCodes(by_column.ravel()[flat[order]], segment, gap)


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
