"""`NonZeros`: a matrix's non-zero values and their positions, found block by block on all cores.

A pruned layer has few weights among many zeros, and the steps after pruning work on these few. A
pass over a matrix takes blocks of whole columns that fit a cache, so it needs no temporary array of
the matrix's size. Blocks are columns because the machine stores columns, and because the compiler
holds a layer's weights (outputs, inputs) as the transposed view of a C-contiguous constant, so that
a pass reads memory in order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 18
"""Values that a pass over a large matrix processes at a time."""

FEW = 4
"""With fewer items than this, starting threads takes longer than it saves."""

T = TypeVar("T")
Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class NonZeros:
    """The non-zero values of a matrix, column by column.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the matrix.
    positions : ndarray, shape (n,), int32 or, for 2**31 elements, int64
        ``column * rows + row`` of each value, ascending.
    values : ndarray, shape (n,), any dtype
        Weights or codes.
    """

    shape: tuple[int, int]
    positions: NDArray[np.signedinteger[Any]]
    values: NDArray[Any]

    def write(self, matrix: NDArray[Any]) -> None:
        """Write zeros and values into a matrix whose transposed view is C-contiguous."""
        flat = matrix.T.reshape(-1, copy=False)

        def write(start: int) -> None:
            stop = min(start + BLOCK, flat.size)
            # Use the dtype of the positions, or NumPy would convert all of them.
            ends = np.array([start, stop - 1], self.positions.dtype)
            first = np.searchsorted(self.positions, ends[0])
            last = np.searchsorted(self.positions, ends[1], side="right")
            flat[start:stop] = 0
            flat[self.positions[first:last]] = self.values[first:last]

        in_threads(write, range(0, flat.size, BLOCK))


def nonzeros(matrix: NDArray[Any], at_least: float = 0.0) -> NonZeros:
    """Return the non-zero values of a matrix whose magnitude is at least `at_least`.

    Examples
    --------
    >>> found = nonzeros(np.array([[0, 5], [7, -6]]))
    >>> found.positions.tolist(), found.values.tolist()
    ([1, 2, 3], [7, 5, -6])
    """
    rows = matrix.shape[0]
    index = np.int32 if matrix.size < 1 << 31 else np.int64

    def find(start: int, columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        flat = columns.reshape(-1)
        chosen = np.abs(flat) >= at_least if at_least > 0 else flat != 0
        places = np.flatnonzero(chosen)
        values = flat[places]
        places += start * rows
        return places.astype(index), values

    places, values = zip(*map_columns(find, matrix), strict=True)
    return NonZeros(matrix.shape, np.concatenate(places), np.concatenate(values))


def map_columns(function: Callable[[int, NDArray[Any]], T], matrix: NDArray[Any]) -> list[T]:
    """Return ``function(start, columns)`` for each block of consecutive columns, in order.

    `columns` has shape (width, rows), is C-contiguous and begins with column `start`.
    """
    rows, cols = matrix.shape
    width = max(BLOCK // max(rows, 1), 1)
    return in_threads(
        lambda start: function(start, np.ascontiguousarray(matrix.T[start : start + width])),
        range(0, cols, width),
    )


def in_threads(function: Callable[[Item], T], items: Iterable[Item]) -> list[T]:
    """Return the function's results for all items, in order; NumPy releases the GIL in threads."""
    work = list(items)
    if len(work) < FEW:
        return [function(item) for item in work]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, work))
