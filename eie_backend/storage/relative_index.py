"""Relative indices: each non-zero code of a tensor, with the number of zeros before it.

A tensor in row-major or column-major order becomes entries (code, run): `run` zeros, then the code.
A longer run takes fillers: entries with code 0 and the longest run, each for ``longest_run + 1``
zeros. Zeros after the last non-zero code are not stored. With an index of 0 bits the longest run is
0, so every zero is a filler, and the entries are the tensor itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import ContainerError


@dataclass(frozen=True, eq=False)
class Entries:
    """The entries of a tensor.

    Attributes
    ----------
    codes : ndarray, shape (entries,), uint8
        Codebook indices; 0 marks a filler.
    runs : ndarray, shape (entries,), uint16
        Zeros before each code, at most ``2**index_bits - 1``.
    index_bits : int
        Width of a run, 0 to 16.
    column_major : bool
        Whether the tensor was read with its first axis running fastest.
    """

    codes: NDArray[np.uint8]
    runs: NDArray[np.uint16]
    index_bits: int
    column_major: bool


def gaps(codes: NDArray[np.generic], column_major: bool = False) -> NDArray[np.int64]:
    """Return the number of zeros before each non-zero code, in reading order.

    Examples
    --------
    >>> gaps(np.array([[0, 7], [0, 5]])).tolist(), gaps(np.array([[0, 7], [0, 5]]), True).tolist()
    ([1, 1], [2, 0])
    """
    places = np.flatnonzero(codes.T if column_major else codes)
    return np.diff(places, prepend=-1) - 1


def to_entries(codes: NDArray[np.uint8], index_bits: int, column_major: bool = False) -> Entries:
    """Return the entries of a tensor of codes, of any shape.

    Notes
    -----
    **Source**: Deep Compression, section 2 and figure 2, with the machine's fillers (EIE, 3).

    Examples
    --------
    >>> entries = to_entries(np.array([0, 0, 9, 0, 0, 0, 0, 0, 3], np.uint8), index_bits=2)
    >>> list(zip(entries.codes.tolist(), entries.runs.tolist()))
    [(9, 2), (0, 3), (3, 1)]
    """
    before = gaps(codes, column_major)
    fillers, rest = before >> index_bits, before & ((1 << index_bits) - 1)
    position = np.cumsum(fillers + 1) - 1
    count = int(position[-1]) + 1 if position.size else 0
    entry_codes = np.zeros(count, np.uint8)
    runs = np.full(count, (1 << index_bits) - 1, np.uint16)
    flat = codes.ravel(order="F" if column_major else "C")
    entry_codes[position] = flat[flat != 0]
    runs[position] = rest
    return Entries(entry_codes, runs, index_bits, column_major)


def from_entries(entries: Entries, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the tensor of codes, uint8; the inverse of `to_entries`.

    Raises
    ------
    ContainerError
        If the entries reach beyond the tensor.
    """
    position = np.cumsum(entries.runs.astype(np.int64) + 1) - 1
    size = prod(shape)
    if position.size and position[-1] >= size:
        raise ContainerError(f"entries reach weight {position[-1]} of a tensor of {size} weights")
    flat = np.zeros(size, np.uint8)
    flat[position] = entries.codes
    return flat.reshape(shape, order="F" if entries.column_major else "C")
