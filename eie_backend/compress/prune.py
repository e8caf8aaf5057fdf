"""`Prune`: set the smallest weights of every dense layer to zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.compress.largest import largest
from eie_backend.config import HardwareConfig
from eie_backend.errors import RecipeError
from eie_backend.machine.choices import PruningMethod
from eie_backend.machine.codebook import CHUNK
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
    """Keep a share of each layer's weights, those of largest magnitude.

    Before -> after, at density 0.5::

        R.matmul(x, [[0.9, -0.1], [0.2, -0.7]])  ->  R.matmul(x, [[0.9, 0], [0, -0.7]])

    1. A layer keeps exactly ``round(density * weights)`` weights, or its non-zero weights if
       they are fewer; ties keep the earlier weight. See `kept` for the methods.
    2. Layers that `density` does not name, and all other operations, are left alone.

    Parameters
    ----------
    density : mapping of str to float
        Share of non-zero weights by layer name, in (0, 1].
    method : mapping of str to {"magnitude", "global", "balanced"}, optional
        Pruning method by layer name; by default the layer's smallest magnitudes are pruned.
    num_pe : int, optional
        Number of PEs, for "balanced" layers.

    Notes
    -----
    **Source**: Han et al., Learning both Weights and Connections (NIPS 2015).
    """

    def __init__(
        self,
        density: Mapping[str, float],
        method: Mapping[str, PruningMethod] | None = None,
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
            density = self.density.get(name, 1.0)  # 2.
            if name in together:
                return masked(weights, together[name])
            if self.method.get(name) == "balanced":
                one = kept({name: weights}, {name: density}, {name: "balanced"}, self.num_pe)
                return masked(weights, one[name])
            return prune(weights, density)

        return map_weights(mod, change, "pruning", layers)

    def _kept_together(self, layers: Sequence[DenseLayer]) -> dict[str, NDArray[np.bool_]]:
        """Return masks of the kept weights, for the layers that are pruned together."""
        competing = [layer for layer in layers if self.method.get(layer.name) == "global"]
        return kept(weights_by_layer(competing), self.density, self.method, self.num_pe)


def prune(weights: NDArray[np.float32], density: float) -> NDArray[np.float32]:
    """Return `weights` with only the ``round(density * size)`` largest magnitudes kept.

    Examples
    --------
    >>> prune(np.array([[0.9, -0.1], [0.2, -0.7]], np.float32), 0.5).tolist()
    [[0.8999999761581421, 0.0], [0.0, -0.699999988079071]]
    """
    # 1.
    keep = round(density * weights.size)
    if keep >= weights.size:
        return weights
    found = largest(weights, keep)
    if found.values.size < keep:  # all others are already zero
        return weights
    pruned = new_like(weights)
    found.write(pruned)
    return pruned


def kept(
    weights: Mapping[str, NDArray[np.float32]],
    density: Mapping[str, float],
    method: Mapping[str, PruningMethod],
    num_pe: int,
) -> dict[str, NDArray[np.bool_]]:
    """Return a mask of the kept weights of each layer.

    * "magnitude": the ``round(density * size)`` largest of the layer.
    * "global": the largest of all layers with this method and a density below 1, compared together;
      their number is the sum of what the layers would keep by their densities.
    * "balanced": as many as with "magnitude", but the same fraction of every PE's slice (the rows i
      with ``i mod num_pe == k``), to within one weight.

    Of equal magnitudes, the first in the order of layers, rows and columns are kept.

    Parameters
    ----------
    weights : mapping of str to ndarray, shape (outputs, inputs), float32
        By layer name; for a convolution, an output channel is a row.
    density : mapping of str to float
        Fraction of weights to keep, in (0, 1]; other layers keep all weights.
    method : mapping of str to {"magnitude", "global", "balanced"}
        Pruning method; other layers take "magnitude".
    num_pe : int
        Processing elements of the machine.

    Returns
    -------
    dict of str to ndarray, shape (outputs, inputs), bool
        True where a weight is kept.

    Raises
    ------
    RecipeError
        If "global" leaves a layer without weights.

    Notes
    -----
    **Source**: Learning both Weights and Connections (NIPS 2015) and, for "balanced", ESE (FPGA
    2017).

    Examples
    --------
    >>> rows = {"fc": np.array([[4, 3], [2, 1]], np.float32)}
    >>> kept(rows, {"fc": 0.5}, {}, 2)["fc"].tolist()
    [[True, True], [False, False]]
    >>> kept(rows, {"fc": 0.5}, {"fc": "balanced"}, 2)["fc"].tolist()
    [[True, False], [True, False]]
    """
    masks = {name: np.zeros_like(values, bool) for name, values in weights.items()}
    together = []
    for name, values in weights.items():
        share, how = density.get(name, 1.0), method.get(name, "magnitude")
        # 1.
        if how == "global" and share < 1:
            together.append(name)
        elif how == "balanced":
            for pe, count in enumerate(_slice_counts(len(values), values[0].size, share, num_pe)):
                _keep_largest([values[pe::num_pe]], [masks[name][pe::num_pe]], count)
        else:
            _keep_largest([values], [masks[name]], round(share * values.size))
    _keep_largest(
        [weights[name] for name in together],
        [masks[name] for name in together],
        round(sum(density[name] * weights[name].size for name in together)),
    )
    if empty := [name for name in together if weights[name].any() and not masks[name].any()]:
        raise RecipeError(
            f"recipe: method 'global' keeps no weight of {', '.join(empty)}: all larger ones are "
            "in other layers; raise the densities or give these layers method 'magnitude'"
        )
    return masks


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


def _slice_counts(rows: int, cols: int, density: float, num_pe: int) -> list[int]:
    """Return the number of weights that each PE keeps, rounded so that the sum is exact."""
    sizes = cols * np.array([len(range(pe, rows, num_pe)) for pe in range(min(num_pe, rows))])
    counts = np.floor(density * sizes).astype(int)
    missing = round(density * rows * cols) - counts.sum()
    counts[np.argsort(counts - density * sizes, kind="stable")[:missing]] += 1
    found: list[int] = counts.tolist()
    return found


def _keep_largest(
    weights: Sequence[NDArray[np.float32]], masks: Sequence[NDArray[np.bool_]], count: int
) -> None:
    """Set `masks` at the `count` largest magnitudes of all `weights`; of ties, at the first."""
    spare = sum(values.size for values in weights) - count
    if spare <= 0 or count == 0:
        for mask in masks:
            mask[...] = count > 0
        return
    magnitudes = np.concatenate([np.abs(values).ravel(order="K") for values in weights])
    magnitudes.partition(spare)
    smallest = magnitudes[spare]
    del magnitudes
    for values, mask in zip(weights, masks, strict=True):
        np.greater(np.abs(values), smallest, out=mask)
    missing = count - sum(np.count_nonzero(mask) for mask in masks)
    for values, mask in zip(weights, masks, strict=True):
        ties = np.flatnonzero(np.abs(values) == smallest)[:missing]
        mask[np.unravel_index(ties, mask.shape)] = True
        missing -= ties.size


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
