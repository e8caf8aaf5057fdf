"""Recover codes and codebook from weights that have few values, whoever shared them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHUNK = 1 << 18
"""Weights looked at together: what a pass over a large matrix holds beside it."""


def nonzero_values(weights: NDArray[np.float32], at_most: int | None = None) -> NDArray[np.float32]:
    """Return the different non-zero values in ascending order; -0.0 is a zero.

    Parameters
    ----------
    weights : ndarray, float32
        Weights of any shape.
    at_most : int, optional
        Stop looking as soon as there are more; then some values may be missing.
    """
    flat = weights.ravel(order="K")
    found = np.zeros(0, np.float32)
    for start in range(0, flat.size, CHUNK):
        part = flat[start : start + CHUNK]
        found = np.union1d(found, part[part != 0])
        if at_most is not None and found.size > at_most:
            break
    return found


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
    if weights.strides[0] < weights.strides[-1]:
        return codes_of(weights.T, codebook).T  # in the order of memory
    nonzero = weights != 0
    codes = np.zeros(weights.shape, np.uint8)
    codes[nonzero] = np.searchsorted(codebook[1:], weights[nonzero]) + 1
    return codes


def bias_codes(bias: NDArray[np.float32], codebook: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the index of the codebook's entry nearest to each bias, for the bias column."""
    nearest: NDArray[np.uint8] = np.abs(bias[:, None] - codebook).argmin(axis=1).astype(np.uint8)
    return nearest
