"""`choose_layout`: the reading order and index width that minimise a code tensor's bytes.

All sizes follow from the histogram of the gaps between non-zero codes, so trying every width takes
little longer than finding the gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eie_backend.recipe import MAX_INDEX_BITS
from eie_backend.storage.huffman import code_lengths, table_bytes
from eie_backend.storage.relative_index import gaps


@dataclass(frozen=True, eq=False)
class Stream:
    """Statistics of a symbol stream: `counts` by symbol, and Huffman code `lengths`."""

    counts: NDArray[np.int64]
    lengths: NDArray[np.uint8]

    @classmethod
    def of_nothing(cls) -> Stream:
        """Return the empty stream."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.uint8))

    @property
    def bits(self) -> int:
        """Bits of the Huffman code."""
        return int(self.counts @ self.lengths)

    @property
    def table_bytes(self) -> int:
        """Bytes of the stored stream without its data; an empty stream is not stored."""
        return table_bytes(self.lengths) if self.counts.size else 0

    @property
    def data_bytes(self) -> int:
        """Bytes of the stored stream's data."""
        return -(-self.bits // 8)


@dataclass(frozen=True, eq=False)
class Layout:
    """An index width and a reading order, with the resulting streams.

    Attributes
    ----------
    index_bits : int
        Width of a relative index, 0 to 16; see `relative_index`.
    column_major : bool
        Whether the first axis runs fastest.
    fillers : int
        Entries without a weight.
    codes, runs : Stream
        The two streams of the entries; with `index_bits` 0, runs are empty.
    """

    index_bits: int
    column_major: bool
    fillers: int
    codes: Stream
    runs: Stream

    @property
    def stored_bytes(self) -> int:
        """Bytes of both stored streams."""
        return sum(s.data_bytes + s.table_bytes for s in (self.codes, self.runs))


def choose_layout(codes: NDArray[np.uint8], index_bits: int | Literal["auto"] = "auto") -> Layout:
    """Return the layout of a code tensor that takes the fewest bytes.

    Parameters
    ----------
    codes : ndarray of any shape, uint8
        Codebook indices; 0 is a pruned weight.
    index_bits : int or "auto"
        Fixes the index width; "auto" tries all from 0 to 16.
    """
    of_code = np.bincount(codes.ravel(order="K"))
    orders = (False, True) if codes.ndim > 1 else (False,)
    layouts = []
    for column_major in orders:
        of_gap = np.bincount(gaps(codes, column_major))
        # An index wider than the longest gap gains nothing.
        widest = min(max(of_gap.size - 1, 0).bit_length(), MAX_INDEX_BITS)
        widths = range(widest + 1) if index_bits == "auto" else [index_bits]
        layouts += [_layout(of_code, of_gap, width, column_major) for width in widths]
    return min(layouts, key=lambda layout: layout.stored_bytes)


def _layout(
    of_code: NDArray[np.int64], of_gap: NDArray[np.int64], index_bits: int, column_major: bool
) -> Layout:
    gap = np.flatnonzero(of_gap)
    longest = (1 << index_bits) - 1
    fillers = int(of_gap[gap] @ (gap >> index_bits))
    code_counts = of_code.copy()
    code_counts[:1] = fillers
    codes, runs = _stream(code_counts), Stream.of_nothing()
    if index_bits:
        run_counts = np.zeros(longest + 1, np.int64)
        np.add.at(run_counts, gap & longest, of_gap[gap])
        run_counts[longest] += fillers
        runs = _stream(run_counts)
    return Layout(index_bits, column_major, fillers, codes, runs)


def _stream(counts: NDArray[np.int64]) -> Stream:
    used = np.trim_zeros(counts, "b")
    return Stream(used, code_lengths(used))
