"""`ShareWeights`: give every dense layer a small codebook of weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.transform.layers import map_weights
from eie_backend.transform.module_pass import ModulePass

MAX_ITERATIONS = 300
"""Most Lloyd iterations; linear initialisation settles long before on real layers."""


@tvm.transform.module_pass(opt_level=0, name="eie.ShareWeights")
class ShareWeights(ModulePass):
    """Replace each layer's non-zero weights by the nearest of ``2**bits - 1`` shared values.

    Before -> after, at 2 bits::

        R.matmul(x, [[0.9, 0, 1.1], [-0.7, 0.2, 0]])  ->
        R.matmul(x, [[1.0, 0, 1.0], [-0.7, 0.2, 0]])

    1. Zeros stay zeros: entry 0 of the codebook is reserved for 0.0.
    2. A layer that already has at most ``2**bits - 1`` non-zero values is left alone.
    3. Layers that `bits` does not name, and all other operations, are left alone.

    Parameters
    ----------
    bits : mapping of str to int
        Codebook index width by layer name.

    Notes
    -----
    **Source**: Deep Compression (ICLR 2016), section 3; linear initialisation.
    """

    def __init__(self, bits: Mapping[str, int]) -> None:
        self.bits = bits

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with shared weights."""

        def change(name: str, weights: NDArray[np.float32]) -> NDArray[np.float32]:
            return share(weights, self.bits[name]) if name in self.bits else weights

        return map_weights(mod, change)


def share(weights: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """Return `weights` with at most ``2**bits - 1`` non-zero values, zeros kept."""
    nonzero = np.flatnonzero(weights)
    values = weights.reshape(-1)[nonzero]
    entries = (1 << bits) - 1
    ordered = np.sort(values)
    if np.count_nonzero(np.diff(ordered)) < entries:
        return weights
    centroids = cluster(ordered, entries)
    shared = np.zeros_like(weights, order="C")
    shared.reshape(-1)[nonzero] = centroids[np.searchsorted(_boundaries(centroids), values)]
    return shared


def cluster(ordered: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the centroids of 1-D k-means (Lloyd), initialised linearly from min to max.

    A cluster that has no values (after pruning none are near zero) is moved into the cluster
    with the largest squared error.

    Parameters
    ----------
    ordered : ndarray, shape (n,), float32
        Values in ascending order, at least `count` of them distinct.
    count : int
        Number of clusters.

    Returns
    -------
    ndarray, shape (count,), float32
        Ascending.
    """
    wide = ordered.astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(wide)])
    squares = np.concatenate([[0.0], np.cumsum(wide * wide)])
    centroids = np.linspace(wide[0], wide[-1], count)
    cuts = np.full(count + 1, -1)
    for _ in range(MAX_ITERATIONS):
        inner = np.searchsorted(wide, _boundaries(centroids))
        moved = np.concatenate([[0], inner, [wide.size]])
        if np.array_equal(moved, cuts):
            break
        cuts = moved
        sizes = np.diff(cuts)
        used = sizes > 0
        means = np.diff(sums[cuts])[used] / sizes[used]
        centroids = means
        if not used.all():
            errors = np.diff(squares[cuts])[used] - sizes[used] * means**2
            starts, stops = cuts[:-1][used], cuts[1:][used]
            # Ends of the worst clusters: the next iteration balances them against their means.
            worst = np.argsort(-errors, kind="stable")[: count - means.size]
            low, high = wide[starts[worst]], wide[stops[worst] - 1]
            far = np.where(means[worst] - low > high - means[worst], low, high)
            centroids = np.sort(np.concatenate([means, far]))
            centroids = np.concatenate(
                [centroids, np.repeat(centroids[-1], count - centroids.size)]
            )
    return centroids.astype(np.float32)


def _boundaries(centroids: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = centroids.astype(np.float64)
    return (wide[1:] + wide[:-1]) / 2
