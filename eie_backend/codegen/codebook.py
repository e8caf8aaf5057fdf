"""Recover codes and codebook from weights that have few values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def recover_codes(
    weights: NDArray[np.float32],
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return codebook indices and the codebook of shared weights.

    Parameters
    ----------
    weights : ndarray, shape (outputs, inputs), float32
        At most 255 different non-zero values.

    Returns
    -------
    codes : ndarray, shape (outputs, inputs), uint8
        0 where the weight is zero.
    codebook : ndarray, shape (values + 1,), float32
        Entry 0 is 0.0, then the values in ascending order.

    Examples
    --------
    >>> codes, codebook = recover_codes(np.array([[0.5, 0.0, -1.0]], np.float32))
    >>> codes.tolist(), codebook.tolist()
    ([[2, 0, 1]], [0.0, -1.0, 0.5])
    """
    nonzero = weights != 0
    values = np.unique(weights[nonzero])
    codes = np.zeros(weights.shape, np.uint8)
    codes[nonzero] = np.searchsorted(values, weights[nonzero]) + 1
    return codes, np.concatenate([np.zeros(1, np.float32), values])


def nearest_codes(values: NDArray[np.float32], codebook: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the index of the nearest entry of the codebook, 0.0 included, for each value."""
    nearest: NDArray[np.uint8] = np.abs(values[:, None] - codebook).argmin(axis=1).astype(np.uint8)
    return nearest
