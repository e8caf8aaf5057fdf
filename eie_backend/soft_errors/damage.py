"""`reread`: what the machine makes of flipped entries and pointers, as a valid matrix.

Each PE goes through its weight SRAM as its pointers say, whatever they say::

    p[j + 1] < p[j]           column j is empty
    past the PE's entries     zeros are read: a weight of 0 that advances one row
    past the weight SRAM      the column ends
    columns that overlap      both read the same entries
    code 0, or a row that     the entry takes its cycle and writes nothing
    the matrix does not have

The result holds the weights that are still added to an output, encoded again, and closes every
column with paddings to the length at which the PE keeps it: values and cycles are those of the
damaged machine. Word reads are counted as if the columns lay one after the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.errors import InputError
from eie_backend.machine.encoding import EncodedMatrix, encode
from eie_backend.machine.nonzeros import NonZeros

MOST_ENTRIES = 1 << 27
"""Entries, over all PEs, that the columns of a damaged matrix may have."""


def reread(
    matrix: EncodedMatrix,
    config: HardwareConfig,
    entries: NDArray[np.uint8],
    pointers: NDArray[np.uint32],
) -> EncodedMatrix:
    """Return the matrix that a machine with other entries and pointers in its SRAM computes.

    Parameters
    ----------
    matrix : EncodedMatrix
        What was loaded; its codebook stays.
    config : HardwareConfig
        The machine.
    entries : ndarray, shape of ``matrix.entries``, uint8
        What the weight SRAM holds instead.
    pointers : ndarray, shape of ``matrix.pointers``, uint32
        What the pointer SRAM holds instead.

    Raises
    ------
    InputError
        If the columns would have more than `MOST_ENTRIES` entries.
    """
    reached = np.minimum(pointers.astype(np.int64), config.spmat_sram_bytes)
    starts, lengths = reached[:, :-1], np.maximum(np.diff(reached), 0)
    if lengths.sum() > MOST_ENTRIES:
        raise InputError(
            f"flips in ptr: the damaged columns of one matrix would have {lengths.sum()} entries, "
            f"at most {MOST_ENTRIES} can be simulated; lower the rate, or leave ptr out"
        )
    weights = _weights(matrix, entries, starts, lengths)
    codebook = np.zeros(matrix.codebook.size, np.float32)
    again = encode(weights, codebook, config)
    at, closed = _closed(again, lengths, config)
    return replace(matrix, pointers=at, entries=closed)


def _weights(
    matrix: EncodedMatrix,
    entries: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> NonZeros:
    """Return the codes that are added to an output."""
    per_pe = matrix.entries_per_pe.astype(np.int64)
    # A column past the PE's entries holds none of them, and zeros beyond write nothing.
    held = np.clip(per_pe[:, None] - starts, 0, lengths)
    first = (np.cumsum(per_pe) - per_pe)[:, None] + starts
    slices, inside = _places(held)
    found = entries[first.ravel()[slices] + inside]
    advance = (found >> matrix.codebook_bits).astype(np.int64) + 1
    total = np.cumsum(advance)
    before = np.concatenate([[0], total])[np.arange(total.size) - inside]
    pe, column = np.divmod(slices, matrix.stored_cols)
    row = (total - before - 1) * matrix.num_pe + pe
    codes = found & ((1 << matrix.codebook_bits) - 1)
    kept = np.flatnonzero((codes != 0) & (row < matrix.rows))
    positions = (column * matrix.rows + row)[kept]
    order = np.argsort(positions)
    shape = (matrix.rows, matrix.stored_cols)
    return NonZeros(shape, positions[order], codes[kept][order])


def _closed(
    again: EncodedMatrix, lengths: NDArray[np.int64], config: HardwareConfig
) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return pointers and entries with paddings at the end of columns, up to their lengths."""
    pointers = np.zeros((lengths.shape[0], lengths.shape[1] + 1), np.uint32)
    np.cumsum(lengths, axis=1, out=pointers[:, 1:])
    entries = np.full(lengths.sum(), config.max_run << config.codebook_bits, np.uint8)
    ends = again.pointers.astype(np.int64)
    slices, inside = _places(ends[:, 1:] - ends[:, :-1])
    entries[(np.cumsum(lengths) - lengths.ravel())[slices] + inside] = again.entries
    return pointers, entries


def _places(counts: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the slice of each entry, and its place in it, of slices with so many entries."""
    slices = np.repeat(np.arange(counts.size), counts.ravel())
    first = np.cumsum(counts) - counts.ravel()
    return slices, np.arange(slices.size) - first[slices]
