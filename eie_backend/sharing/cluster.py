"""`cluster`: the values that sorted weights share, by one of the sharing methods."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eie_backend.sharing.methods import DEFAULT, METHODS
from eie_backend.sharing.sorted_values import SortedValues


def cluster(
    ordered: NDArray[np.float32], count: int, initialization: str = DEFAULT
) -> NDArray[np.float32]:
    """Return the shared values of weights.

    Parameters
    ----------
    ordered : ndarray, shape (n,), float32
        Finite values in ascending order, at least `count` of them different.
    count : int
        Number of shared values, at least 1.
    initialization : str
        One of `eie_backend.sharing.methods`.

    Returns
    -------
    ndarray, shape (count,), float32
        Ascending.

    Examples
    --------
    >>> cluster(np.array([1, 2, 7, 9], np.float32), 2).tolist()
    [1.5, 8.0]
    """
    return METHODS[initialization].values(SortedValues(ordered), count).astype(np.float32)
