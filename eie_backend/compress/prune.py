"""`Prune`: set the smallest weights of every dense layer to zero."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.transform.layers import map_weights, new_like
from eie_backend.transform.module_pass import ModulePass


@tvm.transform.module_pass(opt_level=0, name="eie.Prune")
class Prune(ModulePass):
    """Keep a share of each layer's weights, those of largest magnitude.

    Before -> after, at density 0.5::

        R.matmul(x, [[0.9, -0.1], [0.2, -0.7]])  ->  R.matmul(x, [[0.9, 0], [0, -0.7]])

    1. A layer keeps exactly ``round(density * weights)`` weights, or its non-zero weights if
       they are fewer; ties keep the earlier weight.
    2. Layers that `density` does not name, and all other operations, are left alone.

    Parameters
    ----------
    density : mapping of str to float
        Share of non-zero weights by layer name, in (0, 1].

    Notes
    -----
    **Source**: Han et al., Learning both Weights and Connections (NIPS 2015).
    """

    def __init__(self, density: Mapping[str, float]) -> None:
        self.density = density

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the pruned module."""
        return map_weights(mod, lambda name, w: prune(w, self.density.get(name, 1.0)))


def prune(weights: NDArray[np.float32], density: float) -> NDArray[np.float32]:
    """Return `weights` with only the ``round(density * size)`` largest magnitudes kept.

    Examples
    --------
    >>> prune(np.array([[0.9, -0.1], [0.2, -0.7]], np.float32), 0.5).tolist()
    [[0.8999999761581421, 0.0], [0.0, -0.699999988079071]]
    """
    keep = round(density * weights.size)
    if keep >= weights.size:
        return weights
    smallest_kept = _largest(np.abs(weights).ravel(order="K"), keep)
    if smallest_kept == 0:
        return weights
    kept = np.abs(weights) > smallest_kept
    ties = np.flatnonzero(np.abs(weights) == smallest_kept)[: keep - np.count_nonzero(kept)]
    kept[np.unravel_index(ties, kept.shape)] = True
    pruned = new_like(weights)
    pruned[...] = 0
    np.copyto(pruned, weights, where=kept)
    return pruned


def _largest(values: NDArray[np.float32], number: int) -> float:
    """Return the `number`-th largest of `values`, which change their order; above all for 0."""
    if number == 0:
        return np.inf
    values.partition(values.size - number)
    return float(values[values.size - number])
