"""`ShareWeights`: give every dense layer a small codebook of weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.codegen.codebook import CHUNK, nonzero_values
from eie_backend.transform.layers import map_weights, new_like
from eie_backend.transform.module_pass import ModulePass

MAX_ITERATIONS = 300
"""Most iterations of Lloyd's algorithm; real layers settle long before."""

GRID = 256
"""Places, of each of two kinds, among which the best clusters are searched."""


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
    entries = (1 << bits) - 1
    if nonzero_values(weights, at_most=entries).size <= entries:
        return weights
    flat = weights.ravel(order="K")
    chunks = (flat[start : start + CHUNK] for start in range(0, flat.size, CHUNK))
    ordered = np.concatenate([chunk[chunk != 0] for chunk in chunks])
    ordered.sort()
    centroids = cluster(ordered, entries)
    boundaries = _boundaries(centroids)
    shared = new_like(weights)
    width = max(CHUNK * weights.shape[-1] // weights.size, 1)
    for start in range(0, weights.shape[-1], width):
        part = weights.T[start : start + width]
        nearest = centroids[np.searchsorted(boundaries, part)]
        shared.T[start : start + width] = np.where(part == 0, 0, nearest)
    return shared


def cluster(ordered: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the centroids of 1-D k-means.

    Lloyd's iteration starts linearly from min to max, as in Deep Compression, and also from the
    best clusters on a grid: it settles near where it starts, and the linear start wastes clusters
    where there are no values, as around zero after pruning. The better result counts.

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
    values = _Values(ordered)
    linear = np.linspace(ordered[0], ordered[-1], count, dtype=np.float64)
    settled = [values.lloyd(linear), values.lloyd(values.means(values.best_cuts(count)))]
    errors = [values.cost(cuts[:-1], cuts[1:]).sum() for cuts in settled]
    return values.means(settled[int(np.argmin(errors))]).astype(np.float32)


class _Values:
    """Sorted values with prefix sums; `cuts` are the first and last positions of clusters."""

    def __init__(self, ordered: NDArray[np.float32]) -> None:
        self.values = ordered.astype(np.float64)
        self.sums, self.squares = np.zeros((2, ordered.size + 1))
        np.cumsum(self.values, out=self.sums[1:])
        np.square(self.values, out=self.squares[1:])
        np.cumsum(self.squares, out=self.squares)

    def cost(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the squared error of the values in each range around their mean."""
        total = self.sums[stop] - self.sums[start]
        squares = self.squares[stop] - self.squares[start]
        errors: NDArray[np.float64] = squares - total**2 / np.maximum(stop - start, 1)
        return np.maximum(errors, 0.0)

    def means(self, cuts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the mean of each cluster; an empty one lies at its place among the values."""
        sizes = np.diff(cuts)
        place = self.values[np.minimum(cuts[:-1], self.values.size - 1)]
        return np.where(sizes > 0, np.diff(self.sums[cuts]) / np.maximum(sizes, 1), place)

    def lloyd(self, centroids: NDArray[np.float64]) -> NDArray[np.int64]:
        """Iterate assignment and means until they settle; return the cuts."""
        cuts = np.full(centroids.size + 1, -1)
        for _ in range(MAX_ITERATIONS):
            inner = np.searchsorted(self.values, _boundaries(centroids))
            moved = np.concatenate([[0], inner, [self.values.size]])
            if np.array_equal(moved, cuts):
                break
            cuts = moved
            centroids = np.where(np.diff(cuts) > 0, self.means(cuts), centroids)
        return cuts

    def best_cuts(self, count: int) -> NDArray[np.int64]:
        """Return the cuts of least error among the places of a grid, by dynamic programming."""
        grid = self._grid()
        costs = self.cost(*np.meshgrid(grid, grid, indexing="ij"))
        costs[np.tri(grid.size, dtype=bool)] = np.inf  # a cluster has at least one place
        best, choices = costs[0], []
        for _ in range(count - 1):
            totals = best[:, None] + costs
            choices.append(np.argmin(totals, axis=0))
            best = np.min(totals, axis=0)
        cuts = [grid.size - 1]
        for choice in reversed(choices):
            cuts.append(int(choice[cuts[-1]]))
        chosen: NDArray[np.int64] = grid[[0, *reversed(cuts)]]
        return chosen

    def _grid(self) -> NDArray[np.int64]:
        """Return places where a cluster may begin: all, or some even in number and in value."""
        count = self.values.size
        if count <= 2 * GRID:
            return np.arange(count + 1)
        by_value = np.linspace(self.values[0], self.values[-1], GRID)
        places = [
            np.linspace(0, count, GRID).astype(np.int64),
            np.searchsorted(self.values, by_value),
        ]
        return np.unique(np.concatenate(places))


def _boundaries(centroids: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = centroids.astype(np.float64)
    return (wide[1:] + wide[:-1]) / 2
