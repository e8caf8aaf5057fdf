"""Recover codes and codebook from weights with few different values, whatever tool shared them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eie_backend.machine.nonzeros import NonZeros, in_threads, nonzeros

CHUNK = 1 << 18
"""Weights processed at a time; bounds the temporary memory of a pass over a large matrix."""

FIRST = 1 << 12
"""Weights in the first chunk; enough to detect quickly that weights are not shared."""

NEGATIVE_ZERO = np.float32(-0.0)

MIN_TABLE = 1 << 16
"""Fewest values for which `nearest` builds a lookup table."""

CHOICE = 255
"""Table entry (not an index) for upper 16 bits that do not determine the nearest centroid."""


def nonzero_values(weights: NDArray[np.float32], at_most: int | None = None) -> NDArray[np.float32]:
    """Return the different non-zero values in ascending order; -0.0 counts as zero.

    Parameters
    ----------
    weights : ndarray, float32
        Weights of any shape.
    at_most : int, optional
        Stop as soon as there are more; the result may then be incomplete.
    """
    flat = weights.ravel(order="K")
    found = np.zeros(1, np.float32)
    start, size = 0, FIRST
    while start < flat.size:
        part = flat[start : start + size]
        new = part[_unknown(part, found)]
        if new.size:
            found = np.union1d(found, new)
            if at_most is not None and found.size - 1 > at_most:
                break
        start, size = start + size, CHUNK
    nonzero: NDArray[np.float32] = found[found != 0]
    return nonzero


def _unknown(part: NDArray[np.float32], found: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return a mask of the values that are not in `found`; it may mark some known values, too.

    A table maps the upper 16 bits of a value to the known value with these bits. Where two known
    values share them, the table has only one, and the other counts as unknown.
    """
    table = np.zeros(1 << 16, np.uint32)
    known = np.append(found, NEGATIVE_ZERO).view(np.uint32)
    table[known >> 16] = known
    bits = part.view(np.uint32)
    unknown: NDArray[np.bool_] = table.take(bits >> 16) != bits
    return unknown


def codebook_of(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the codebook of shared weights: 0.0, then their values in ascending order.

    Examples
    --------
    >>> codebook_of(np.array([[0.5, -0.0, -1.0]], np.float32)).tolist()
    [0.0, -1.0, 0.5]
    """
    return np.concatenate([np.zeros(1, np.float32), nonzero_values(weights)])


def codes_of(weights: NDArray[np.float32], codebook: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the codebook index of each weight of a matrix, 0 where it is zero.

    The codebook has at most 256 entries.

    Examples
    --------
    >>> codes_of(np.array([[0.5, -0.0, -1.0]], np.float32), np.array([0, -1, 0.5])).tolist()
    [[2, 0, 1]]
    """
    codes: NDArray[np.uint8] = np.empty(weights.T.shape, np.uint8).T
    nonzero_codes(weights, codebook).write(codes)
    return codes


def nonzero_codes(weights: NDArray[np.float32], codebook: NDArray[np.float32]) -> NonZeros:
    """Return the codebook indices of the non-zero weights of a matrix, uint8."""
    found = nonzeros(weights)
    codes = nearest(found.values, codebook[1:])
    codes += 1
    return replace(found, values=codes)


def nearest(values: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return, for each value, the index of the nearest of up to 255 ascending centroids.

    A value midway between two centroids takes the lower one. A table, indexed by the upper 16 bits
    of a value, gives most results; binary search gives those that the table leaves open.

    Examples
    --------
    >>> nearest(np.array([-3, 0.4, 0.5, 9], np.float32), np.array([0, 1], np.float32)).tolist()
    [0, 0, 0, 1]
    """
    limits = limits_between(centroids)
    if values.size < MIN_TABLE:
        return np.searchsorted(limits, values).astype(np.uint8)
    upper = np.arange(1 << 16, dtype=np.uint32) << 16
    first, last = (np.searchsorted(limits, (upper | half).view(np.float32)) for half in (0, 0xFFFF))
    table = np.where(first == last, first, CHOICE).astype(np.uint8)
    codes = np.empty(values.shape, np.uint8)

    def find(start: int) -> None:
        part, found = values[start : start + CHUNK], codes[start : start + CHUNK]
        table.take(part.view(np.uint32) >> 16, out=found, mode="clip")
        open_ = np.flatnonzero(found == CHOICE)
        found[open_] = np.searchsorted(limits, part[open_])

    in_threads(find, range(0, values.size, CHUNK))
    return codes


def limits_between(centroids: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return, for each centroid but the last, the largest float32 that `nearest` assigns to it.

    Examples
    --------
    >>> limits_between(np.array([-1.0, 0.5, 2.0])).tolist()
    [-0.25, 1.25]
    """
    wide = centroids.astype(np.float64)
    middle = (wide[1:] + wide[:-1]) / 2
    near = middle.astype(np.float32)
    return np.where(near > middle, np.nextafter(near, np.float32(-np.inf)), near)


def bias_codes(bias: NDArray[np.float32], codebook: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the index of the codebook's entry nearest to each bias, for the bias column."""
    nearest: NDArray[np.uint8] = np.abs(bias[:, None] - codebook).argmin(axis=1).astype(np.uint8)
    return nearest
