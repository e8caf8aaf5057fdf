"""`settled`: one-dimensional k-means from a start, by Lloyd's iteration.

In one dimension a cluster is a range of the sorted values. The time of an iteration is therefore
linear in the number of clusters and independent of the number of values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eie_backend.machine.codebook import limits_between
from eie_backend.sharing.sorted_values import SortedValues

MAX_ITERATIONS = 300
"""Most iterations of Lloyd's algorithm; real layers converge much earlier."""


def settled(values: SortedValues, centroids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alternate assignments and means until nothing changes; return the ascending centroids.

    Lloyd's iteration converges to a local minimum near its start.

    Parameters
    ----------
    values : SortedValues
        The weights.
    centroids : ndarray, shape (count,), float64
        The start, ascending.

    Notes
    -----
    **Source**: Deep Compression (ICLR 2016), section 3.2. Its linear start wastes clusters where
    there are no values, as around zero after pruning.
    """
    cuts = np.full(centroids.size + 1, -1)
    for _ in range(MAX_ITERATIONS):
        inner = np.searchsorted(values.values, limits_between(centroids), side="right")
        moved = np.concatenate([[0], inner, [values.values.size]])
        if np.array_equal(moved, cuts):
            break
        cuts = moved
        centroids = np.where(np.diff(cuts) > 0, values.means(cuts), centroids)
    return values.means(cuts)
