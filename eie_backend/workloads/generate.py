"""`generate`: a random layer with given densities and seed."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from eie_backend.workloads.layer import Layer, LayerShape
from eie_backend.workloads.structure import EVEN, Structure

CODES = 15
"""Non-zero values of the codebook; zero and these take 4 bits."""

LEAST = 1e-9
"""Density below which the codebook no longer changes; otherwise it would diverge."""

BLOCK_PLACES = 1 << 18
"""Positions drawn at a time for uneven rows and columns; a megabyte."""


def generate(shape: LayerShape, seed: int = 0, structure: Structure = EVEN) -> Layer:
    """Return a layer with exactly the numbers of non-zeros that a shape asks for.

    Non-zero weights and inputs are distributed uniformly, or unevenly by a structure. The codebook
    is that of Gaussian weights after magnitude pruning: its values are the medians of `CODES`
    equally frequent parts. Inputs are absolute values of Gaussians, as after a ReLU.

    Parameters
    ----------
    shape : LayerShape
    seed : int
        Seed of NumPy's default generator; equal seeds give equal layers.
    structure : Structure
        Unevenness of the non-zeros.

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
    # A Gaussian may round to zero and lose a non-zero.
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
    """Return the flat positions of non-zero weights; `columns` are normal logarithms of shares."""
    size, wanted = shape.outputs * shape.inputs, shape.nonzero_weights
    if columns is None or not 0 < wanted < size:
        return rng.choice(size, wanted, replace=False, shuffle=False)
    of_row = _shares(rng.standard_normal(shape.outputs), structure.row_spread)
    of_column = _shares(columns, structure.col_spread)
    # Draw each position by its probability, four deviations more than wanted, then remove
    # down to the exact number: removal is cheap where zeros are many.
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
    # If shares exceed the number of positions, other rows and columns take the rest.
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
    """Return zero and the medians of equally frequent parts of a pruned Gaussian.

    Examples
    --------
    >>> pruned_gaussian_codebook(1.0)[[0, 1, 8, 15]].astype(float).round(3).tolist()
    [0.0, -1.834, 0.0, 1.834]
    """
    # Pruning keeps the lower and the upper density / 2 of the standard normal's probability.
    medians = (np.arange(CODES) + 0.5) / CODES
    probabilities = np.where(medians < 0.5, medians, medians - 1) * max(density, LEAST) % 1
    values = [NormalDist().inv_cdf(float(p)) for p in probabilities]
    return np.array([0.0, *values], np.float32)
