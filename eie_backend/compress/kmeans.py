"""`cluster`: one-dimensional k-means, on a histogram first and then on the values themselves.

In one dimension a cluster is a range of the sorted values. The time of an iteration is therefore
linear in the number of clusters and independent of the number of values, and the optimal clusters
of a histogram can be computed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eie_backend.compress.best_cuts import best_cuts
from eie_backend.compress.moved_cuts import moved_cuts
from eie_backend.compress.sorted_values import Places, SortedValues
from eie_backend.machine.choices import Initialization
from eie_backend.machine.codebook import limits_between

MAX_ITERATIONS = 300
"""Most iterations of Lloyd's algorithm; real layers converge much earlier."""

SEED = 0
"""Seed of the random start, fixed so that equal weights give equal codebooks."""


def cluster(
    ordered: NDArray[np.float32], count: int, initialization: Initialization = "best"
) -> NDArray[np.float32]:
    """Return the centroids of 1-D k-means.

    Lloyd's iteration converges to a local minimum near its start:

    * "linear": evenly spaced between the least and the largest value.
    * "density": at quantiles of the values.
    * "random": at different values, drawn with a fixed seed.
    * "best": at the optimal clusters of a histogram, with borders then refined among the values.
      The error is within 0.1 % of the optimum.

    Parameters
    ----------
    ordered : ndarray, shape (n,), float32
        Finite values in ascending order, at least `count` of them different.
    count : int
        Number of clusters, at least 1.
    initialization : {"best", "linear", "density", "random"}
        The start.

    Returns
    -------
    ndarray, shape (count,), float32
        Ascending.

    Notes
    -----
    **Source**: Deep Compression (ICLR 2016), section 3.2. Its linear start wastes clusters where
    there are no values, as around zero after pruning.

    Examples
    --------
    >>> cluster(np.array([1, 2, 7, 9], np.float32), 2).tolist()
    [1.5, 8.0]
    """
    values = SortedValues(ordered)
    if initialization == "best":
        start = values.means(moved_cuts(values, best_cuts(values, count)))
    else:
        start = _start(ordered, count, initialization)
    return values.means(_settled(values, start)).astype(np.float32)


def _start(ordered: NDArray[np.float32], count: int, name: str) -> NDArray[np.float64]:
    if name == "linear":
        return np.linspace(ordered[0], ordered[-1], count, dtype=np.float64)
    if name == "density":
        middles = (2 * np.arange(count) + 1) * ordered.size // (2 * count)
        return ordered[middles].astype(np.float64)
    first = np.append(True, ordered[1:] != ordered[:-1])
    drawn = np.random.default_rng(SEED).choice(np.flatnonzero(first), count, replace=False)
    start: NDArray[np.float64] = ordered[np.sort(drawn)].astype(np.float64)
    return start


def _settled(values: SortedValues, centroids: NDArray[np.float64]) -> Places:
    """Alternate assignments and means (Lloyd) until nothing changes; return the cuts."""
    cuts = np.full(centroids.size + 1, -1)
    for _ in range(MAX_ITERATIONS):
        inner = np.searchsorted(values.values, limits_between(centroids), side="right")
        moved = np.concatenate([[0], inner, [values.values.size]])
        if np.array_equal(moved, cuts):
            break
        cuts = moved
        centroids = np.where(np.diff(cuts) > 0, values.means(cuts), centroids)
    return cuts
