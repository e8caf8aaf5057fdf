"""`Prune`: set weights of every dense layer to zero, by one of the pruning methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.config import HardwareConfig
from eie_backend.machine.codebook import CHUNK
from eie_backend.machine.nonzeros import NonZeros
from eie_backend.pruning.methods import DEFAULT, METHODS
from eie_backend.transform.layers import (
    DenseLayer,
    layers_of,
    map_weights,
    new_like,
    weights_by_layer,
)
from eie_backend.transform.module_pass import ModulePass


@tvm.transform.module_pass(opt_level=0, name="eie.Prune")
class Prune(ModulePass):
    """Keep a share of each layer's weights.

    Before -> after, at density 0.5, by magnitude::

        R.matmul(x, [[0.9, -0.1], [0.2, -0.7]])  ->  R.matmul(x, [[0.9, 0], [0, -0.7]])

    1. Which weights a layer keeps is its method's decision, a file in
       `eie_backend.pruning.methods`. By magnitude it keeps exactly ``round(density * weights)``, or
       its non-zero weights if they are fewer; ties keep the earlier weight.
    2. Layers that `density` does not name, and all other operations, are left alone.

    Parameters
    ----------
    density : mapping of str to float
        Share of non-zero weights by layer name, in (0, 1].
    method : mapping of str to str, optional
        Pruning method by layer name; by default the layer's smallest magnitudes are pruned.
    num_pe : int, optional
        Number of PEs, for methods that count them.

    Notes
    -----
    **Source**: Han et al., Learning both Weights and Connections (NIPS 2015).
    """

    def __init__(
        self,
        density: Mapping[str, float],
        method: Mapping[str, str] | None = None,
        num_pe: int = HardwareConfig().num_pe,
    ) -> None:
        self.density = density
        self.method = method or {}
        self.num_pe = num_pe

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the pruned module."""
        return self.rewritten(mod, layers_of(mod))

    def rewritten(self, mod: IRModule, layers: Sequence[DenseLayer]) -> IRModule:
        """Return the module, whose layers are known, with pruned weights."""
        together = self._kept_together(layers)

        def change(name: str, weights: NDArray[np.float32]) -> NDArray[np.float32]:
            density, method = self.density.get(name, 1.0), self.method.get(name, DEFAULT)
            if density >= 1:  # 2.
                return weights
            if name in together:
                return masked(weights, together[name])
            if stays := METHODS[method].stays:
                return _only(weights, stays(weights, density))
            alone = {name: weights}, {name: density}, {name: method}
            return masked(weights, kept(*alone, self.num_pe)[name])

        return map_weights(mod, change, "pruning", layers)

    def _kept_together(self, layers: Sequence[DenseLayer]) -> dict[str, NDArray[np.bool_]]:
        """Return masks of the kept weights, for the layers that are pruned together."""
        competing = [
            layer
            for layer in layers
            if not METHODS[self.method.get(layer.name, DEFAULT)].is_layerwise
        ]
        return kept(weights_by_layer(competing), self.density, self.method, self.num_pe)


def prune(weights: NDArray[np.float32], density: float) -> NDArray[np.float32]:
    """Return `weights` with only the ``round(density * size)`` largest magnitudes kept.

    Examples
    --------
    >>> prune(np.array([[0.9, -0.1], [0.2, -0.7]], np.float32), 0.5).tolist()
    [[0.8999999761581421, 0.0], [0.0, -0.699999988079071]]
    """
    stays = METHODS["magnitude"].stays
    assert stays is not None
    return _only(weights, stays(weights, density))


def _only(weights: NDArray[np.float32], found: NonZeros | None) -> NDArray[np.float32]:
    """Return the non-zero weights that stay as a matrix; all of `weights` if `found` is None."""
    if found is None:
        return weights
    pruned = new_like(weights)
    found.write(pruned)
    return pruned


def kept(
    weights: Mapping[str, NDArray[np.float32]],
    density: Mapping[str, float],
    method: Mapping[str, str],
    num_pe: int,
) -> dict[str, NDArray[np.bool_]]:
    """Return a mask of the kept weights of each layer.

    Parameters
    ----------
    weights : mapping of str to ndarray, shape (outputs, inputs), float32
        By layer name; for a convolution, an output channel is a row.
    density : mapping of str to float
        Fraction of weights to keep, in (0, 1]; other layers keep all weights.
    method : mapping of str to str
        Pruning method, one of `eie_backend.pruning.methods`; other layers take "magnitude".
    num_pe : int
        Processing elements of the machine.

    Returns
    -------
    dict of str to ndarray, shape (outputs, inputs), bool
        True where a weight is kept.

    Raises
    ------
    RecipeError
        If a method leaves a layer without weights.

    Examples
    --------
    >>> rows = {"fc": np.array([[4, 3], [2, 1]], np.float32)}
    >>> kept(rows, {"fc": 0.5}, {}, 2)["fc"].tolist()
    [[True, True], [False, False]]
    >>> kept(rows, {"fc": 0.5}, {"fc": "balanced"}, 2)["fc"].tolist()
    [[True, False], [True, False]]
    """
    masks: dict[str, NDArray[np.bool_]] = {}
    by_method: dict[str, dict[str, NDArray[np.float32]]] = {}
    for name, values in weights.items():
        if density.get(name, 1.0) < 1:
            by_method.setdefault(method.get(name, DEFAULT), {})[name] = values
        else:
            masks[name] = np.ones_like(values, bool)
    for how, alike in by_method.items():
        masks |= METHODS[how].keep(alike, density, num_pe)
    return {name: masks[name] for name in weights}


def density_of_quality(weights: NDArray[np.float32], quality: float, groups: int = 1) -> float:
    """Return the fraction of weights whose magnitude is at least `quality` standard deviations.

    The deviation is that of all the layer's weights around their mean, including pruned zeros, so a
    layer that is already compressed stays unchanged. Zeros between `groups` are not weights.

    Parameters
    ----------
    weights : ndarray, shape (outputs, inputs), float32
        In a convolution with groups, only one in `groups` elements is a weight.
    quality : float
        Factor of the standard deviation, at least 0.
    groups : int
        Groups of a convolution.

    Notes
    -----
    **Source**: Learning both Weights and Connections (NIPS 2015): the threshold is a quality
    parameter times the standard deviation of the layer's weights.

    Examples
    --------
    >>> density_of_quality(np.array([[-3, -1, 1, 3]], np.float32), 1.0)
    0.5
    """
    threshold = quality * deviation(weights, groups)
    if threshold == 0:
        return 1.0
    stay = sum(int(np.count_nonzero(np.abs(part) >= threshold)) for part in _chunks(weights))
    return stay / (weights.size // groups)


def deviation(weights: NDArray[np.float32], groups: int = 1) -> float:
    """Return the standard deviation of a layer's weights; zeros between groups do not count."""
    count = weights.size / groups
    total = sum(part.sum(dtype=np.float64) for part in _chunks(weights))
    squares = sum(np.square(part, dtype=np.float64).sum() for part in _chunks(weights))
    return float(np.sqrt(max(squares / count - (total / count) ** 2, 0.0)))


def masked(weights: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return `weights` with zeros where `mask` is not set, without a copy if nothing changes."""
    if not np.any((weights != 0) & ~mask):
        return weights
    pruned = new_like(weights)
    pruned[...] = 0
    np.copyto(pruned, weights, where=mask)
    return pruned


def _chunks(weights: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield `weights` in chunks, to avoid a copy of a layer."""
    yield from np.nditer(weights, ["external_loop", "buffered"], buffersize=CHUNK)
