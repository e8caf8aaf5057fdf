"""`ShareWeights`: give every dense layer a small codebook of weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.machine.codebook import nearest, nonzero_values
from eie_backend.machine.nonzeros import NonZeros, nonzeros
from eie_backend.sharing.cluster import cluster
from eie_backend.sharing.methods import DEFAULT
from eie_backend.transform.layers import DenseLayer, layers_of, map_weights, new_like
from eie_backend.transform.module_pass import ModulePass


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
    initialization : mapping of str to str, optional
        How a layer's values are found, by layer name; "best" by default.

    Notes
    -----
    **Source**: Deep Compression (ICLR 2016), section 3; see `eie_backend.sharing.kmeans`.
    """

    def __init__(
        self, bits: Mapping[str, int], initialization: Mapping[str, str] | None = None
    ) -> None:
        self.bits = bits
        self.initialization = initialization or {}

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with shared weights."""
        return self.rewritten(mod, layers_of(mod))

    def rewritten(self, mod: IRModule, layers: Sequence[DenseLayer]) -> IRModule:
        """Return the module, whose layers are known, with shared weights."""

        def change(name: str, weights: NDArray[np.float32]) -> NDArray[np.float32]:
            # 3.
            if name not in self.bits:
                return weights
            return share(weights, self.bits[name], self.initialization.get(name, DEFAULT))

        return map_weights(mod, change, "sharing weights", layers)


def share(
    weights: NDArray[np.float32], bits: int, initialization: str = DEFAULT
) -> NDArray[np.float32]:
    """Return `weights` with at most ``2**bits - 1`` non-zero values, zeros kept.

    Weights that already have so few values are returned unchanged.

    Examples
    --------
    >>> share(np.array([[1, 0, 1.5], [-1, 4, 0]], np.float32), 2).tolist()
    [[1.25, 0.0, 1.25], [-1.0, 4.0, 0.0]]
    """
    entries = (1 << bits) - 1
    # 2.
    if nonzero_values(weights, at_most=entries).size <= entries:
        return weights
    # 1.
    codes, codebook = share_codes(nonzeros(weights), bits, initialization)
    values = replace(codes, values=codebook[codes.values])
    del codes  # before the largest array is made
    shared = new_like(weights)
    values.write(shared)
    return shared


def share_codes(
    weights: NonZeros, bits: int, initialization: str = DEFAULT
) -> tuple[NonZeros, NDArray[np.float32]]:
    """Share weights: return their codes and the codebook.

    Parameters
    ----------
    weights : NonZeros of float32
        The weights that pruning kept.
    bits : int
        Codebook index width, 1 to 8.
    initialization : str
        How the values are found; see `cluster`.

    Returns
    -------
    codes : NonZeros of uint8
        Codes at the same positions, 1 to ``2**bits - 1``.
    codebook : ndarray, shape (up to 2**bits,), float32
        0.0, then the shared values in ascending order.
    """
    entries = (1 << bits) - 1
    ordered = np.sort(weights.values)
    first = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    if first.size < entries:
        shared = ordered[np.append(0, first)[: ordered.size]]
    else:
        shared = cluster(ordered, entries, initialization)
    codes = nearest(weights.values, shared)
    codes += 1
    return replace(weights, values=codes), np.append(np.zeros(1, np.float32), shared)
