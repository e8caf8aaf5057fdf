"""`generate`: a layer with given densities, seeded."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from eie_backend.workloads.layer import Layer, LayerShape
from eie_backend.workloads.structure import EVEN, Structure

CODES = 15
"""Values of the codebook beside zero, as many as 4 bits tell apart."""

LEAST = 1e-9
"""Density below which the codebook no longer changes: it would go on to infinity."""

BLOCK_PLACES = 1 << 18
"""Places that are drawn together where rows and columns differ: a megabyte at a time."""


def generate(shape: LayerShape, seed: int = 0, structure: Structure = EVEN) -> Layer:
    """Return a layer with exactly the numbers of non-zeros that a shape asks for.

    Non-zero weights, and non-zero inputs, lie anywhere with the same probability, or as unevenly as
    a structure says. The codebook is that of Gaussian weights of which the smallest are pruned: its
    values are the medians of `CODES` parts that are equally frequent. Inputs are Gaussian without
    sign, as behind a ReLU.

    Parameters
    ----------
    shape : LayerShape
    seed : int
        Seed of NumPy's default generator; the same layer for the same seed.
    structure : Structure
        How unevenly the non-zeros lie.

    Returns
    -------
    Layer

    Notes
    -----
    **Source**: design choice; sizes and densities of the EIE paper's layers are in `TABLE_III`.

    Examples
    --------
    >>> layer = generate(LayerShape("small", 8, 4, 0.25, 0.5))
    >>> int(np.count_nonzero(layer.codes)), int(np.count_nonzero(layer.activations))
    (8, 4)
    """
    rng = np.random.default_rng(seed)
    normal = None if structure == EVEN else rng.standard_normal(shape.inputs)
    codes = np.zeros(shape.outputs * shape.inputs, np.uint8)
    places = _places(shape, structure, normal, rng)
    codes[places] = rng.integers(1, CODES + 1, places.size, np.uint8)
    x = np.zeros(shape.inputs, np.float32)
    active = _active(shape, structure, normal, rng)
    # A Gaussian may round to zero, which would be one non-zero less.
    x[active] = np.maximum(np.abs(rng.standard_normal(active.size)), 2.0**-24)
    return Layer(
        shape.name,
        f"generated, seed {seed}, {structure}",
        codes.reshape(shape.outputs, shape.inputs),
        pruned_gaussian_codebook(shape.weight_density),
        x,
    )


def _places(
    shape: LayerShape,
    structure: Structure,
    columns: NDArray[np.float64] | None,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Return the flat places of non-zero weights; `columns` are normal logarithms of shares."""
    size, wanted = shape.outputs * shape.inputs, shape.nonzero_weights
    if columns is None or not 0 < wanted < size:
        return rng.choice(size, wanted, replace=False, shuffle=False)
    of_row = _shares(rng.standard_normal(shape.outputs), structure.row_spread)
    of_column = _shares(columns, structure.col_spread)
    # Each place by its own probability, then the exact number: four deviations more than wanted,
    # because removing is cheap where zeros are many.
    of_column *= np.float32(shape.weight_density * (1 + 4 / wanted**0.5))
    kept = np.empty((shape.outputs, shape.inputs), bool)
    step = max(BLOCK_PLACES // shape.inputs, 1)
    for start in range(0, shape.outputs, step):
        block = of_row[start : start + step, None] * of_column
        np.less(rng.random(block.shape, np.float32), block, out=kept[start : start + step])
    places = np.flatnonzero(kept)
    if places.size >= wanted:
        surplus = rng.choice(places.size, places.size - wanted, replace=False, shuffle=False)
        return np.delete(places, surplus)
    # Where shares say more than every place, others take the rest.
    zeros = np.flatnonzero(~kept)
    more = rng.choice(zeros.size, wanted - places.size, replace=False, shuffle=False)
    return np.concatenate([places, zeros[more]])


def _active(
    shape: LayerShape,
    structure: Structure,
    columns: NDArray[np.float64] | None,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Return the indices of active inputs."""
    if columns is None:
        return rng.choice(shape.inputs, shape.nonzero_acts, replace=False, shuffle=False)
    r = structure.act_alignment
    score = r * columns + (1 - r**2) ** 0.5 * rng.standard_normal(columns.size)
    return np.argsort(-score)[: shape.nonzero_acts]


def _shares(normal: NDArray[np.float64], spread: float) -> NDArray[np.float32]:
    """Return log-normal shares whose mean is 1."""
    logarithms = spread * normal
    shares = np.exp(logarithms - logarithms.max())
    return np.asarray(shares / shares.mean(), np.float32)


def pruned_gaussian_codebook(density: float) -> NDArray[np.float32]:
    """Return zero and the medians of equally frequent parts of what pruning leaves of a Gaussian.

    Examples
    --------
    >>> pruned_gaussian_codebook(1.0)[[0, 1, 8, 15]].astype(float).round(3).tolist()
    [0.0, -1.834, 0.0, 1.834]
    """
    # Of the standard normal's probability, the lower and upper density / 2 stay.
    medians = (np.arange(CODES) + 0.5) / CODES
    probabilities = np.where(medians < 0.5, medians, medians - 1) * max(density, LEAST) % 1
    values = [NormalDist().inv_cdf(float(p)) for p in probabilities]
    return np.array([0.0, *values], np.float32)
